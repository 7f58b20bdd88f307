/** How much the drafter may do for one answer. */
import { expect, test } from "vitest";
import { CpuBudget, cpuBudgetMs } from "../../src/edge/draft/cpu-budget.ts";

test("a budget ends when one more step would take more than is left, and for good", () => {
  let stepMs = 4;
  const budget = new CpuBudget(100, () => stepMs);
  for (; budget.affords(0); budget.work.steps++);
  expect(budget.work.steps).toBe(25);
  expect(budget.ended).toBe(true);
  // What is learned later gives nothing back: the model has not read what was decided since.
  stepMs = 1;
  expect(budget.affords(0)).toBe(false);
});

test("a text that cannot be read within the budget is not begun", () => {
  const budget = new CpuBudget(100, () => 4);
  expect(budget.affords(48)).toBe(true);
  expect(budget.affords(49)).toBe(false);
  expect(budget.work).toEqual({ steps: 0, read: 0 });
});

test("tokens that were read count half of those drafted", () => {
  const budget = new CpuBudget(100, () => 4);
  budget.work.read = 40;
  for (; budget.affords(0); budget.work.steps++);
  expect(budget.work.steps).toBe(5);
});

test.each([undefined, ""])("CPU_MS %j is no limit", (setting) => {
  expect(cpuBudgetMs(setting)).toBe(Number.POSITIVE_INFINITY);
});

test.each(["-1", "NaN", "much"])("CPU_MS %j is refused", (setting) => {
  expect(() => cpuBudgetMs(setting)).toThrow(/CPU_MS is .* milliseconds/);
});
