/** How fast a draft is taught, and what of it learns. */
import { expect, test } from "vitest";
import { isFixed, rateFor } from "../../src/tools/make/rates.ts";

test.each([
  ["lut4", 3e-5, false],
  ["q2had+q3had", 8e-5, true],
  ["q2add+q3add", 8e-5, true],
] as const)("in %s at %f; its weights stay: %s", (format, rate, fixed) => {
  expect(rateFor(format, undefined)).toBe(rate);
  expect(isFixed(format)).toBe(fixed);
});

test("at the rate that the user names", () => {
  expect(rateFor("lut4", 5e-4)).toBe(5e-4);
});
