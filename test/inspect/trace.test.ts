/** Which calls the trace records, and when. */
import { expect, test } from "vitest";
import { Trace } from "../../src/tools/inspect/trace.ts";
import { freshKernels } from "../support/kernels.ts";

test("notes calls in order while it is asked to, and returns what the kernels return", () => {
  const { kernels, memory } = freshKernels("simd");
  new Float32Array(memory.buffer, 0, 32).fill(1)[5] = 2;
  const trace = new Trace(kernels);
  trace.kernels.argmax(0, 32);
  const calls = trace.record(() => {
    expect(trace.kernels.argmax(0, 32)).toBe(5);
    trace.kernels.quantise(0, 32, 1, 1024);
  });
  expect(calls).toEqual([
    { kernel: "argmax", args: [0, 32], seconds: expect.any(Number) },
    { kernel: "quantise", args: [0, 32, 1, 1024], seconds: expect.any(Number) },
  ]);
  trace.kernels.argmax(0, 32);
  expect(calls).toHaveLength(2);
});

test("idle kernels do nothing, and only while the run lasts", () => {
  const { kernels, memory } = freshKernels("simd");
  new Float32Array(memory.buffer, 4096, 32).fill(1)[5] = 2;
  const trace = new Trace(kernels);
  trace.idle(() => expect(trace.kernels.argmax(4096, 32)).toBe(0));
  expect(trace.kernels.argmax(4096, 32)).toBe(5);
});

test("a run that throws ends the noting", () => {
  const { kernels } = freshKernels("simd");
  const trace = new Trace(kernels);
  const fail = () => {
    throw new Error("stopped");
  };
  expect(() => trace.record(fail)).toThrow("stopped");
  expect(trace.kernels.argmax).toBe(kernels.argmax);
});
