import { expect, test } from "vitest";
import { isRight, sums } from "./arithmetic.ts";

test("sums are different, and none gives its result away", () => {
  const all = sums(60);
  expect(new Set(all.map(({ question }) => question)).size).toBe(60);
  for (const { question, result } of all) {
    const [a, b] = question.match(/\d+/g)!.map(Number) as [number, number];
    const operation = question.includes("+") ? a + b : question.includes("-") ? a - b : a * b;
    expect(result).toBe(operation);
    expect([a, b]).not.toContain(result);
  }
});

test("an answer is right if it says the number, not if it says another that contains it", () => {
  const sum = { question: "What is 4 + 8?", result: 12 };
  expect(isRight("4 + 8 = 12.", sum)).toBe(true);
  expect(isRight("The answer is **12**", sum)).toBe(true);
  for (const wrong of ["", "4 + 8", "112", "120", "1.12", "12.5", "twelve"]) expect(isRight(wrong, sum)).toBe(false);
});
