/** Each WASM build against the plain twin: agreement, containment, determinism, and that results do not depend on T. */
import { describe, expect, test, vi } from "vitest";
import { CONSTANTS, KERNEL_NAMES } from "../../src/kernels/abi.ts";
import { hasRelaxedSimd, pickModule } from "../../src/kernels/wasm.ts";
import { KERNEL_CASES, type Prepared } from "../cases/kernels.ts";
import { BUILDS, type Build, freshKernels, kernelModules } from "../support/kernels.ts";
import { seeded } from "../support/random.ts";

const GUARD = 64;

function output(memory: WebAssembly.Memory, { address, bytes }: Prepared["output"]): Uint8Array {
  return new Uint8Array(memory.buffer, address, bytes).slice();
}

const floats = (bytes: Uint8Array): Float32Array => new Float32Array(bytes.buffer, bytes.byteOffset, bytes.length / 4);

/** Runs a case after filling the memory with a pattern, so that stray writes and stale reads show. */
function runCase(build: "plain" | Build, kernelCase: (typeof KERNEL_CASES)[number]) {
  const { kernels, memory } = freshKernels(build);
  // All but the constants.
  new Uint8Array(memory.buffer, 16 * CONSTANTS.length).fill(0xa5);
  const prepared = kernelCase.prepare(memory);
  const around = [prepared.output.address - GUARD, prepared.output.address + prepared.output.bytes] as const;
  const guards = () => around.map((at) => new Uint8Array(memory.buffer, at, GUARD).slice());
  const before = guards();
  prepared.run(kernels);
  return { prepared, memory, kernels, bytes: output(memory, prepared.output), before, after: guards() };
}

describe.each(BUILDS)("%s build", (build) => {
  test.each(KERNEL_CASES.map((kernelCase) => [kernelCase.name, kernelCase] as const))("%s", (_, kernelCase) => {
    const expected = runCase("plain", kernelCase);
    const actual = runCase(build, kernelCase);
    if (kernelCase.tolerance === 0) {
      expect(Buffer.compare(actual.bytes, expected.bytes), "bit for bit").toBe(0);
    } else {
      const [a, b] = [floats(actual.bytes), floats(expected.bytes)];
      const peak = b.reduce((top, v) => Math.max(top, Math.abs(v)), 0);
      const worst = a.reduce((top, v, i) => Math.max(top, Math.abs(v - (b[i] as number))), 0);
      expect(worst).toBeLessThanOrEqual(kernelCase.tolerance * peak);
    }
    if (kernelCase.name.startsWith("matmul") || kernelCase.name.startsWith("embed")) {
      expect(actual.after, "guard bytes").toEqual(actual.before);
    }
    // Same inputs again, same memory, after other work: same bits.
    const again = kernelCase.prepare(actual.memory);
    again.run(actual.kernels);
    expect(Buffer.compare(output(actual.memory, again.output), actual.bytes), "deterministic").toBe(0);
  });

  test("argmax takes the lowest index among equals, at any length", () => {
    const { kernels, memory } = freshKernels(build);
    const random = seeded(11);
    for (const n of [1, 2, 3, 4, 5, 7, 8, 31, 1023]) {
      const x = new Float32Array(memory.buffer, 4096, n);
      for (let i = 0; i < n; i++) x[i] = Math.floor(random() * 5) - 9;
      expect(kernels.argmax(4096, n)).toBe(x.indexOf(Math.max(...x)));
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
