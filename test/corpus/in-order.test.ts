import { expect, test } from "vitest";
import { inOrder } from "../../src/tools/corpus/in-order.ts";
import { OneAtATime } from "../../src/tools/corpus/one-at-a-time.ts";

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

test("results come in the order of the jobs, and no more run ahead than may", async () => {
  let begun = 0;
  let read = 0;
  const results = inOrder([30, 5, 20, 1, 10, 0], 3, async (ms) => {
    expect(++begun - read).toBeLessThanOrEqual(3);
    await pause(ms);
    return ms;
  });
  const seen: number[] = [];
  for await (const ms of results) {
    seen.push(ms);
    read++;
  }
  expect(seen).toEqual([30, 5, 20, 1, 10, 0]);
});

test("a job that fails is thrown in its turn, after those before it", async () => {
  const results = inOrder([20, 0, 10], 3, async (ms) => {
    if (ms === 0) throw new Error("no");
    await pause(ms);
    return ms;
  });
  expect((await results.next()).value).toBe(20);
  await expect(results.next()).rejects.toThrow("no");
});

test("who stops reading ends the jobs that were not begun", async () => {
  const begun: number[] = [];
  const results = inOrder([0, 1, 2, 3, 4], 2, async (n) => begun.push(n));
  for await (const _ of results) break;
  await pause(5);
  expect(begun).toEqual([0, 1]);
});

test("a thing is lent to one at a time, first come, first served, failures included", async () => {
  const slots = new OneAtATime([undefined, undefined]);
  const end: (() => void)[] = [];
  const use = (n: number) => () =>
    new Promise<number>((resolve, reject) => {
      end[n] = () => (n === 1 ? reject(new Error("broken")) : resolve(n));
    });
  const results = Promise.allSettled([0, 1, 2, 3].map((n) => slots.use(use(n))));
  const begun = () => Object.keys(end).map(Number);
  await pause(0);
  expect(begun()).toEqual([0, 1]);
  end[1]!();
  await pause(0);
  expect(begun()).toEqual([0, 1, 2]);
  end[2]!();
  await pause(0);
  expect(begun()).toEqual([0, 1, 2, 3]);
  end[0]!();
  end[3]!();
  expect((await results).map(({ status }) => status)).toEqual(["fulfilled", "rejected", "fulfilled", "fulfilled"]);
});
