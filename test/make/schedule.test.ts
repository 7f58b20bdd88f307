/** How hours are shared out. */
import { expect, test } from "vitest";
import type { Machine } from "../../src/tools/make/machine.ts";
import {
  minutes,
  PASSES,
  scheduleFor,
  taughtPerMinute,
  total,
  type Work,
  writtenPerMinute,
} from "../../src/tools/make/schedule.ts";

const MACHINE: Machine = { device: "cpu", name: "a machine", threads: 2, bf16: false, compiles: false, rate: 50e9 };
const WORK: Work = {
  ...{ target: 1.5e9, base: 0.5e9, draft: 50e6, blocks: 40e6, rounding: 1e16 },
  ...{ choosing: 0, unjudged: 0, given: 0, writes: true },
};
/** Minutes that GPTQ and descent take of two threads, at 5 µs a weight. */
const ROUNDING = (40e6 * 5e-6) / 120;

test.each([0.5, 2, 8, 24])("%d hours are all of the time", (hours) => {
  const schedule = scheduleFor(MACHINE, WORK, hours);
  expect(total(schedule)).toBeCloseTo(60 * hours, 6);
  const free = schedule.teach / 0.22;
  expect(schedule.write).toBeCloseTo(0.3 * free, 6);
  expect(schedule.cut).toBeCloseTo(0.18 * free, 6);
  expect(schedule.adapt).toBeCloseTo(0.18 * free, 6);
  expect(schedule.round).toBeCloseTo(0.12 * free + ROUNDING, 6);
});

test("what rounding does not need is taught", () => {
  const plain = scheduleFor(MACHINE, WORK, 8);
  const less = scheduleFor(MACHINE, { ...WORK, rounding: 1e13 }, 8);
  // At half of the machine's rate.
  expect(less.round).toBeCloseTo(1e13 / (60 * 25e9) + ROUNDING, 6);
  expect(less.teach - plain.teach).toBeCloseTo(plain.round - less.round, 6);
});

test("what has a fixed length is taken off first", () => {
  const plain = scheduleFor(MACHINE, WORK, 8);
  const more = scheduleFor(MACHINE, { ...WORK, unjudged: 100_000, given: 100_000, choosing: 1e14 }, 8);
  expect(more.judge).toBeCloseTo((100_000 * 1.5e9) / (60 * 0.7 * 50e9), 6);
  expect(more.choose).toBeCloseTo(1e14 / (60 * 8e9 * 2), 6);
  expect(more.teach).toBeLessThan(plain.teach);
  expect(total(more)).toBeCloseTo(480, 6);
});

test("nothing is written where nobody is asked", () => {
  const schedule = scheduleFor(MACHINE, { ...WORK, writes: false, given: 1e6 }, 4);
  expect(schedule.write).toBe(0);
  expect(total(schedule)).toBeCloseTo(240, 6);
});

test("without hours a fast machine stops at a million tokens and three passes, a slow one at twelve hours", () => {
  const fast = { ...MACHINE, rate: 200e12 };
  const usual = scheduleFor(fast, WORK, undefined);
  expect(usual.write * writtenPerMinute(fast, WORK.target)).toBeGreaterThanOrEqual(1e6 * 0.999);
  expect((usual.adapt + usual.teach) * taughtPerMinute(fast, WORK.draft, PASSES.byTeacher)).toBeGreaterThanOrEqual(
    3e6 * 0.999,
  );
  expect(total(usual)).toBeLessThan(60);
  expect(total(scheduleFor(MACHINE, WORK, undefined))).toBeCloseTo(720, 6);
});

test("hours that leave no time to teach are refused", () => {
  expect(() => scheduleFor(MACHINE, { ...WORK, unjudged: 5e6, given: 5e6 }, 1)).toThrow(/leave no time to teach/);
});

test.each([
  [0.2, "12 s"],
  [12.4, "12 min"],
  [210, "3.5 h"],
])("%d minutes are %s", (count, words) => expect(minutes(count)).toBe(words));
