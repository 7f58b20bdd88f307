/** Whether a program runs as compiled code. */
import { expect, test } from "vitest";
import { isCompiled } from "../../src/tools/make/batches.ts";
import type { Machine } from "../../src/tools/make/machine.ts";

const machine: Machine = { device: "cpu", name: "a machine", threads: 2, bf16: true, compiles: true, rate: 50e9 };

test.each([
  [true, 29, false],
  [true, 30, true],
  [false, 600, false],
])("with a compiler: %s, %d minutes: compiled %s", (compiles, minutes, compiled) => {
  expect(isCompiled({ ...machine, compiles }, minutes)).toBe(compiled);
});
