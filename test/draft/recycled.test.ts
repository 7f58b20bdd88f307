import { expect, test } from "vitest";
import { Recycled } from "../../src/core/draft/recycled.ts";

const id = (recycled: Recycled, end: readonly number[]) => recycled.after(end, 3)?.id;

test("knows nothing before a draft was refused, and nothing behind a token that was not refused", () => {
  const recycled = new Recycled();
  expect(recycled.after([1, 2, 3], 3)).toBeUndefined();
  recycled.learn([1, 2, 3], 0);
  expect(recycled.after([1, 2, 3], 3)).toBeUndefined();
  recycled.learn([1, 2, 3], 2, { tokens: [8, 9], next: [80, 90] });
  expect(id(recycled, [1, 2, 3])).toBeUndefined();
  expect(id(recycled, [1, 2, 9])).toBe(90);
});

test("the longest part decides, whatever comes before it, and the others are alternatives", () => {
  const recycled = new Recycled();
  recycled.learn([1], 0, { tokens: [5, 6, 4, 6], next: [50, 60, 40, 61] });
  const after = recycled.after([2, 4, 6], 3)!;
  expect(after.id).toBe(61);
  expect(after.others!.map((other) => other.id)).toEqual([60]);
  expect(after.confidence).toBeGreaterThan(after.others![0]!.confidence);
  expect(recycled.after([2, 4, 6], 0)!.others).toEqual([]);
  expect(id(recycled, [3, 6])).toBe(60);
});

test("the newest draft goes before older ones, and the oldest are forgotten", () => {
  const recycled = new Recycled();
  const refuse = (token: number, next: number) => recycled.learn([1], 1, { tokens: [token], next: [next] });
  refuse(5, 50);
  refuse(5, 51);
  expect(id(recycled, [5])).toBe(51);
  for (const token of [6, 7, 8, 9]) refuse(token, 10 * token);
  expect(id(recycled, [5])).toBeUndefined();
  expect(id(recycled, [6])).toBe(60);
});

test("what the engine does not know is no candidate", () => {
  const recycled = new Recycled();
  recycled.learn([1], 1, { tokens: [5, 6], next: [null, 60] });
  expect(id(recycled, [5])).toBeUndefined();
  expect(id(recycled, [6])).toBe(60);
});

test("learns from the answer how far to trust them", () => {
  const trust = (right: boolean): number => {
    const recycled = new Recycled();
    const timeline = [0];
    for (let i = 0; i < 40; i++) {
      recycled.learn(timeline, timeline.length, { tokens: [5], next: [50] });
      timeline.push(5, right ? 50 : 1);
      recycled.learn(timeline, timeline.length - 2);
    }
    return recycled.after([5], 0)!.confidence;
  };
  expect(trust(true)).toBeGreaterThan(0.9);
  expect(trust(false)).toBeLessThan(0.1);
});
