/** The real model against transformers in f32 on the same weights (golden ids by test/golden/make_wikitext.py). */
import { readFileSync } from "node:fs";
import path from "node:path";
import { expect, test } from "vitest";
import { prepare } from "../support/prepared.ts";
import { loadPack } from "../support/tiny.ts";

const { windows } = JSON.parse(readFileSync(path.resolve(import.meta.dirname, "../golden/wikitext.json"), "utf8")) as {
  windows: { tokens: number[]; argmax: number[] }[];
};

test("our argmax is transformers' on 99 % of 2,560 positions of WikiText-2", async () => {
  const target = await loadPack((await prepare()).target, 16, 16);
  let hits = 0;
  let total = 0;
  for (const { tokens, argmax } of windows) {
    const cache = target.newCache();
    for (let at = 0; at < tokens.length; at += 16) {
      target.forward(cache, tokens.slice(at, at + 16), 16);
      for (let row = 0; row < 16; row++) if (target.argmax(row) === argmax[at + row]) hits++;
      total += 16;
    }
    cache.release();
  }
  console.log(`argmax equal to transformers' on ${hits} of ${total} positions, ${((100 * hits) / total).toFixed(2)} %`);
  expect(total).toBe(2560);
  expect(hits / total).toBeGreaterThanOrEqual(0.99);
});
