/** How fast a draft is taught. */
import { expect, test } from "vitest";
import { rateFor } from "../../src/make/rates.ts";

test.each([
  ["lut4", 3e-5],
  ["lut3", 3e-5],
  ["q2lut", 8e-5],
  ["q2lut+lut3", 8e-5],
] as const)("in %s", (format, rate) => {
  expect(rateFor(format, undefined)).toBe(rate);
});

test("at the rate that the user names", () => {
  expect(rateFor("lut4", 5e-4)).toBe(5e-4);
});
