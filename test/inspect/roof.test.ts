/** The roofs: that the kernels leave nothing out, and which roof a piece of work meets. */
import { readFileSync } from "node:fs";
import { expect, test, vi } from "vitest";
import { peak, predict, RoofMeter, type Roofs } from "../../src/tools/inspect/roof.ts";
import { seeded } from "../support/random.ts";

const module = new WebAssembly.Module(readFileSync(new URL("../../dist/outrider.roof.wasm", import.meta.url)));

const ROOFS: Roofs = {
  read: 10,
  workingSet: 1000,
  cached: 100,
  dotInt8: 40,
  dotInt8Narrow: 36,
  dotInt16: 15,
  multiplyAdd: 5,
};

test.each([
  ["memory", { streamed: 100, resident: 10, macs: { int8: 0, int14: 100, int16: 0, f32: 0 } }, 10],
  ["cache", { streamed: 10, resident: 1000, macs: { int8: 0, int14: 100, int16: 0, f32: 0 } }, 10],
  ["arithmetic", { streamed: 10, resident: 10, macs: { int8: 0, int14: 100, int16: 0, f32: 0 } }, 5],
  ["arithmetic", { streamed: 10, resident: 10, macs: { int8: 0, int14: 100, int16: 30, f32: 15 } }, 5 + 2 + 3],
])("%s limits %j", (limit, cost, seconds) => {
  expect(predict(cost, ROOFS)).toEqual({ limit, seconds });
});

test("14-bit activations multiply in two int8 lanes or in one int16 lane, whichever is faster", () => {
  expect(peak(ROOFS, "int14")).toBe(20);
  expect(peak({ ...ROOFS, dotInt8: 20 }, "int14")).toBe(18);
  expect(peak({ ...ROOFS, dotInt8: 20, dotInt8Narrow: 20 }, "int14")).toBe(15);
  expect(peak({ ...ROOFS, dotInt8: 20 }, "int8")).toBe(36);
});

test("a roof is the fastest of all measurements: a slower one changes none, a faster one all", () => {
  const meter = new RoofMeter(module, 100_000);
  let now = 0;
  let step = 1;
  const clock = vi.spyOn(performance, "now").mockImplementation(() => {
    now += step;
    return now;
  });
  const first = meter.measure();
  expect(first.workingSet).toBe(100_096); // up to whole steps of 128 bytes
  expect(first.multiplyAdd).toBe(1000 * 100_000 * 12 * 4);
  step = 2;
  expect(meter.measure()).toEqual(first);
  step = 0.5;
  const { workingSet, ...faster } = meter.measure();
  clock.mockRestore();
  expect(workingSet).toBe(first.workingSet);
  for (const [name, rate] of Object.entries(faster)) expect(rate, name).toBe(2 * first[name as keyof Roofs]);
});

interface RoofExports {
  read(from: number, bytes: number): number;
  dotInt8(from: number, steps: number): number;
  dotInt8Narrow(from: number, steps: number): number;
  dotInt16(from: number, steps: number): number;
  multiplyAdd(from: number, steps: number): number;
}

function overMemory(): { kernels: RoofExports; memory: WebAssembly.Memory } {
  const memory = new WebAssembly.Memory({ initial: 1 });
  const kernels = new WebAssembly.Instance(module, { env: { memory } }).exports as unknown as RoofExports;
  return { memory, kernels };
}

test("read reads every byte", () => {
  const { kernels, memory } = overMemory();
  const random = seeded(1);
  const bytes = new Uint8Array(memory.buffer, 0, 512).map(() => random() * 256);
  new Uint8Array(memory.buffer).set(bytes);
  const all = kernels.read(0, 512);
  const unread = [...bytes.keys()].filter((at) => {
    const view = new Uint8Array(memory.buffer);
    view[at]! ^= 1;
    const changed = kernels.read(0, 512) !== all;
    view[at]! ^= 1;
    return !changed;
  });
  expect(unread).toEqual([]);
});

test.each(["dotInt8", "dotInt8Narrow", "dotInt16", "multiplyAdd"] as const)(
  "%s computes all twelve chains",
  (kernel) => {
    const { kernels, memory } = overMemory();
    const random = seeded(2);
    const floats = new Float32Array(memory.buffer, 0, 56);
    for (let i = 0; i < 56; i++) floats[i] = 0.5 + random() / 2;
    const all = kernels[kernel](0, 3);
    const chains = Array.from({ length: 12 }, (_, chain) => 8 + 4 * chain);
    const idle = chains.filter((at) => {
      const was = floats[at]!;
      floats[at] = was + 0.25;
      const changed = kernels[kernel](0, 3) !== all;
      floats[at] = was;
      return !changed;
    });
    expect(idle).toEqual([]);
  },
);
