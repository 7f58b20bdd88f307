/** Which counts of rows llama.cpp is held to, on a library that is scripted to round as its kernels do. */
import { expect, test } from "vitest";
import type { BatchItem, LibraryContext, LibrarySequence } from "../../src/origin/engines/llama-library.ts";
import { kernels, passesOf } from "../../src/origin/engines/llama-rows.ts";

/** A sequence whose row `i` of `n` says `kernel(i, n)`: rows of one kernel are the same to the bit. */
function scripted(kernel: (i: number, n: number) => string | number): LibraryContext {
  const sequence = {
    nextTokenIndex: 0,
    clearHistory: async () => {},
    evaluateWithoutGeneratingNewTokens: async () => {},
    controlledEvaluate: async (input: readonly unknown[]) =>
      input.map((asked, i) => {
        const [token] = asked as [number];
        return { next: { logits: new Map([[token, 1]]), totalLogitWeight: `${kernel(i, input.length)}` } };
      }),
  };
  return { getSequence: () => sequence as unknown as LibrarySequence, dispose: async () => {} };
}

const of = (kernel: (i: number, n: number) => string | number, given: { threads?: number | null; exact?: boolean }) =>
  kernels(async () => scripted(kernel), { threads: 1, exact: false, contextSize: 512, ...given });

/** Four at a time, and what is left over one at a time. */
const packed = (i: number, n: number) => (i < n - (n % 4) ? "four" : "one");
const oneOrMany = (_: number, n: number) => (n === 1 ? "one" : "many");
const evenOrOdd = (i: number, n: number) => (i < n - (n % 2) ? "two" : "one");

test.each([
  ["one kernel for all", () => "all", { least: 1, most: Number.POSITIVE_INFINITY }],
  ["four rows at a time", packed, { least: 1, most: 3 }],
  ["one kernel for one row, another for many", oneOrMany, { least: 2, most: Number.POSITIVE_INFINITY }],
  ["two rows at a time", evenOrOdd, { least: 1, most: 1 }],
  ["each count another", (_: number, n: number) => n, { least: 1, most: 1 }],
])("%s: the counts that give a row the same bits", async (_, kernel, rows) => {
  expect((await of(kernel, { exact: true })).rows).toEqual(rows);
});

test("unasked, rows are held only to what is nearly free", async () => {
  const anyRows = { least: 1, most: Number.POSITIVE_INFINITY };
  expect(await of(packed, {})).toMatchObject({ rows: { most: 3 }, apart: true, values: "F16" });
  expect(await of(oneOrMany, {})).toMatchObject({ rows: anyRows, apart: false });
  expect(await of(evenOrOdd, {})).toMatchObject({ rows: anyRows, apart: false });
  expect(await of(packed, { threads: null })).toMatchObject({ rows: anyRows, apart: false });
  // Several threads share the keys of a single row out among them.
  expect((await of(packed, { threads: 2 })).same).toContain("256 keys");
  expect((await of(packed, { threads: 1 })).same).not.toContain("keys");
});

test("exact, a processor's attention has one way for any number of rows", async () => {
  expect(await of(packed, { exact: true, threads: 2 })).toMatchObject({ values: "Q8_0", rows: { most: 3 } });
  const refusing = (values: string) =>
    values === "Q8_0" ? Promise.reject(new Error("heads of 16")) : Promise.resolve(scripted(packed));
  const { values } = await kernels(refusing, { threads: 2, exact: true, contextSize: 512 });
  expect(values).toBe("BF16");
});

const item = (rows: number): BatchItem => ({ tokens: Array.from({ length: rows }, (_, i) => i) });

test("a pass takes no more rows than it may have, from whoever waits", () => {
  const [a, b, c] = [item(2), item(5), item(1)];
  const amounts = (items: BatchItem[], most: number, exact = false) =>
    passesOf(
      most,
      exact,
    )({ items, size: 512 }).map(({ item: taken, processAmount }) => [items.indexOf(taken), processAmount]);
  expect(amounts([a, b, c], 3)).toEqual([
    [0, 2],
    [1, 1],
  ]);
  expect(amounts([b, a], 3)).toEqual([[0, 3]]);
  expect(amounts([], 3)).toEqual([]);
  const prompt = item(256);
  // A slice of a prompt is nobody's company, and waits for its turn.
  expect(amounts([prompt, a], 3)).toEqual([[0, 256]]);
  expect(amounts([a, prompt, c], 3)).toEqual([
    [0, 2],
    [2, 1],
  ]);
  expect(amounts([prompt, a], 3, true)).toEqual([[0, 3]]);
});
