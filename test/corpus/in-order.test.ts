import { expect, test } from "vitest";
import { inOrder } from "../../src/corpus/in-order.ts";
import { Lender } from "../../src/corpus/lender.ts";

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

async function all<T>(items: AsyncIterable<T>): Promise<T[]> {
  const read: T[] = [];
  for await (const item of items) read.push(item);
  return read;
}

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
  const lender = new Lender(["a", "b"]);
  const lent: string[] = [];
  const use = (n: number) => async (thing: string) => {
    lent.push(`${n}${thing}`);
    await pause(n === 0 ? 20 : 1);
    if (n === 1) throw new Error("broken");
    return n;
  };
  const results = await Promise.allSettled([0, 1, 2, 3].map((n) => lender.lend(use(n))));
  expect(results.map(({ status }) => status)).toEqual(["fulfilled", "rejected", "fulfilled", "fulfilled"]);
  expect(lent).toEqual(["0b", "1a", "2a", "3a"]);
  expect(await all(inOrder([4], 1, async (n) => lender.lend(use(n))))).toEqual([4]);
});
