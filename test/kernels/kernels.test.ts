/** Each WASM build against the plain twin: agreement, containment, determinism, and that results do not depend on T. */
import { describe, expect, test } from "vitest";
import { KERNEL_NAMES } from "../../src/kernels/abi.ts";
import { hasRelaxedSimd, pickModule } from "../../src/kernels/wasm.ts";
import { KERNEL_CASES, type Prepared } from "../cases/kernels.ts";
import { BUILDS, freshKernels, kernelModules } from "../support/kernels.ts";
import { seeded } from "../support/random.ts";

const GUARD = 64;

function output(memory: WebAssembly.Memory, { address, bytes }: Prepared["output"]): Uint8Array {
  return new Uint8Array(memory.buffer, address, bytes).slice();
}

const floats = (bytes: Uint8Array): Float32Array => new Float32Array(bytes.buffer, bytes.byteOffset, bytes.length / 4);

/** Runs a case after filling the memory with a pattern, so that stray writes and stale reads show. */
function runCase(build: "plain" | "simd" | "relaxed", kernelCase: (typeof KERNEL_CASES)[number]) {
  const { kernels, memory } = freshKernels(build);
  new Uint8Array(memory.buffer).fill(0xa5);
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

test("simd and relaxed agree bit for bit where exp is involved too", () => {
  for (const kernelCase of KERNEL_CASES) {
    expect(
      Buffer.compare(runCase("simd", kernelCase).bytes, runCase("relaxed", kernelCase).bytes),
      kernelCase.name,
    ).toBe(0);
  }
});

test("both builds export exactly the kernels of the ABI", () => {
  for (const module of Object.values(kernelModules())) {
    const exports = WebAssembly.Module.exports(module).map((entry) => entry.name);
    expect(exports.sort()).toEqual([...KERNEL_NAMES].sort());
    expect(WebAssembly.Module.imports(module).map((entry) => `${entry.module}.${entry.name}`)).toEqual(["env.memory"]);
  }
});

test("the relaxed build is picked where the engine validates relaxed SIMD", () => {
  const modules = kernelModules();
  expect(pickModule(modules)).toBe(hasRelaxedSimd() ? modules.relaxed : modules.simd);
  expect(hasRelaxedSimd(), "V8 of this Node has relaxed SIMD").toBe(true);
});
