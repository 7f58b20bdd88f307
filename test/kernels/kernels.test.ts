/** Each WASM build against the plain twin: the same bits, nothing written beside the output, the same bits again. */
import { describe, expect, test, vi } from "vitest";
import { KERNEL_NAMES } from "../../src/core/kernels/abi.ts";
import { CONSTANT_BYTES } from "../../src/core/kernels/constants.ts";
import { hasRelaxedSimd, pickModule } from "../../src/core/kernels/wasm.ts";
import { KERNEL_CASES, type KernelCase, type Prepared } from "../cases/kernels.ts";
import { BUILDS, type Build, freshKernels, kernelModules } from "../support/kernels.ts";
import { seeded } from "../support/random.ts";

const GUARD = 64;

function output(memory: WebAssembly.Memory, { address, bytes }: Prepared["output"]): Uint8Array {
  return new Uint8Array(memory.buffer, address, bytes).slice();
}

const floats = (bytes: Uint8Array): Float32Array => new Float32Array(bytes.buffer, bytes.byteOffset, bytes.length / 4);

type Implementation = "plain" | Build;

const implementations = new Map<Implementation, ReturnType<typeof freshKernels>>();

/** One memory for all cases of an implementation: each case overwrites what the one before left. */
function kernelsOf(name: Implementation): ReturnType<typeof freshKernels> {
  const known = implementations.get(name) ?? freshKernels(name);
  implementations.set(name, known);
  return known;
}

interface Outcome {
  readonly bytes: Uint8Array;
  /** The bytes before and after the output range: before the call, and after. */
  readonly guards: { readonly before: Uint8Array[]; readonly after: Uint8Array[] };
}

/** Runs a case after filling the memory with a pattern, so that stray writes and stale reads show. */
function runCase(name: Implementation, kernelCase: KernelCase): Outcome {
  const { kernels, memory } = kernelsOf(name);
  // All but the constants.
  new Uint8Array(memory.buffer, CONSTANT_BYTES).fill(0xa5);
  const prepared = kernelCase.prepare(memory);
  const { address, bytes } = prepared.output;
  const guards = () => [address - GUARD, address + bytes].map((at) => new Uint8Array(memory.buffer, at, GUARD).slice());
  const before = guards();
  prepared.run(kernels);
  return { bytes: output(memory, prepared.output), guards: { before, after: guards() } };
}

/** Runs a case in the memory as the last run left it. */
function runAgain(name: Implementation, kernelCase: KernelCase): Uint8Array {
  const { kernels, memory } = kernelsOf(name);
  const prepared = kernelCase.prepare(memory);
  prepared.run(kernels);
  return output(memory, prepared.output);
}

/** What the plain twin computes, once a case. */
const plainOutputs = new Map<KernelCase, Uint8Array>();

function plainOutput(kernelCase: KernelCase): Uint8Array {
  const bytes = plainOutputs.get(kernelCase) ?? runCase("plain", kernelCase).bytes;
  plainOutputs.set(kernelCase, bytes);
  return bytes;
}

describe.each(BUILDS)("%s build", (build) => {
  test.each(KERNEL_CASES.map((kernelCase) => [kernelCase.name, kernelCase] as const))("%s", (_, kernelCase) => {
    const expected = plainOutput(kernelCase);
    const { bytes: actual, guards } = runCase(build, kernelCase);
    if (kernelCase.tolerance === 0) {
      expect(Buffer.compare(actual, expected), "bit for bit").toBe(0);
    } else {
      const [a, b] = [floats(actual), floats(expected)];
      const peak = b.reduce((top, v) => Math.max(top, Math.abs(v)), 0);
      const worst = a.reduce((top, v, i) => Math.max(top, Math.abs(v - (b[i] as number))), 0);
      expect(worst).toBeLessThanOrEqual(kernelCase.tolerance * peak);
    }
    expect(guards.after, "guard bytes").toEqual(guards.before);
    // Same inputs again, same memory, after other work: same bits.
    expect(Buffer.compare(runAgain(build, kernelCase), actual), "deterministic").toBe(0);
  });

  test("argmax takes the lowest index among equals, at any length", () => {
    const { kernels, memory } = freshKernels(build);
    const random = seeded(11);
    for (const n of [1, 2, 3, 4, 5, 7, 8, 31, 1023, 151_936]) {
      const x = new Float32Array(memory.buffer, 4096, n);
      for (let i = 0; i < n; i++) x[i] = Math.floor(random() * 5) - 9;
      expect(kernels.argmax(4096, n)).toBe(x.indexOf(x.reduce((a, b) => Math.max(a, b))));
    }
  });
});

test("all builds agree bit for bit where exp is involved too", () => {
  for (const kernelCase of KERNEL_CASES.filter(({ tolerance }) => tolerance > 0)) {
    const [first, ...others] = BUILDS.map((build) => runCase(build, kernelCase).bytes);
    for (const other of others) expect(Buffer.compare(first!, other), kernelCase.name).toBe(0);
  }
});

test("all builds export exactly the kernels of the ABI", () => {
  for (const module of Object.values(kernelModules())) {
    const exports = WebAssembly.Module.exports(module).map((entry) => entry.name);
    expect(exports.sort()).toEqual([...KERNEL_NAMES].sort());
    expect(WebAssembly.Module.imports(module).map((entry) => `${entry.module}.${entry.name}`)).toEqual(["env.memory"]);
  }
});

describe("the build for this machine", () => {
  const modules = kernelModules();

  test("is one with relaxed SIMD, which V8 of this Node has, by how it multiplies bytes", () => {
    expect(hasRelaxedSimd()).toBe(true);
    const lane = freshKernels("dot32").kernels.relaxedDot();
    // vpdpbusd, sdot, and what is left of a saturated pair.
    expect([-98048, 33024, -65536]).toContain(lane);
    expect(pickModule(modules)).toBe(lane === -65536 ? modules.dot16 : modules.dot32);
  });

  test("is the plain one where relaxed SIMD does not validate", () => {
    const validate = vi.spyOn(WebAssembly, "validate").mockReturnValue(false);
    expect(pickModule(modules)).toBe(modules.simd);
    validate.mockRestore();
  });
});
