/**
 * The whole way from the file to a token, on Qwen2.5-Coder-0.5B-Instruct (Q4_K_M): imported, packed, loaded, and run
 * over 2,000 positions of code beside transformers in f32 on the values that the file stands for
 * (test/golden/make_qwen_code.py). The pack holds what GGUF's five- and six-bit blocks say rounded to 8 bits.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, expect, test } from "vitest";
import { readGgufMetadata } from "../../src/core/format/gguf.ts";
import { ggufShape } from "../../src/core/format/gguf-facts.ts";
import { packBytes } from "../../src/core/format/pack-header.ts";
import { FileSource } from "../../src/core/platform/disk.ts";
import { importFile } from "../../src/tools/compress/import-file.ts";
import { goldenJson } from "../support/golden.ts";
import { loadPack } from "../support/tiny.ts";
import { QWEN_GGUF } from "./gguf-file.ts";

/** Rows of logits that are computed at once. */
const CHUNK = 25;
const WINDOW = 250;

const { windows } = goldenJson("qwen_code.json") as {
  windows: { file: string; tokens: number[]; argmax: number[] }[];
};

await using source = await FileSource.open(QWEN_GGUF);
const isHalfBillion = ggufShape(await readGgufMetadata(source)).embedding === 896;

const home = mkdtempSync(path.join(tmpdir(), "outrider-qwen-"));
afterAll(() => rmSync(home, { recursive: true, force: true }));

const megabytes = (bytes: number) => `${(bytes / 1e6).toFixed(0)} MB`;
const seconds = (since: number) => `${((performance.now() - since) / 1000).toFixed(1)} s`;

// The golden argmaxes are the 0.5B's: with another size's file this is reported as skipped.
test.runIf(isHalfBillion)("the 0.5B chooses what transformers chooses at 99 % of 2,000 positions of code", async () => {
  const pack = path.join(home, "pack");
  const importedAt = performance.now();
  const header = await importFile(QWEN_GGUF, "qwen", pack);
  const { maxRSS } = process.resourceUsage();
  console.log(`import: ${seconds(importedAt)}, a pack of ${megabytes(packBytes(header))}, ${maxRSS >> 10} MiB at most`);
  // The vocabulary's 136 million values alone are 544 MB in f32, all weights 2.5 GB.
  expect(maxRSS).toBeLessThan(1000 * 1024);

  const loadedAt = performance.now();
  const llama = await loadPack(pack, Math.ceil(WINDOW / 16) + 1, CHUNK);
  console.log(`load: ${seconds(loadedAt)}`);

  const ranAt = performance.now();
  let [equal, total] = [0, 0];
  for (const { tokens, argmax } of windows) {
    const cache = llama.newCache();
    for (let at = 0; at < tokens.length; at += CHUNK) {
      const some = tokens.slice(at, at + CHUNK);
      llama.forward(cache, some, some.length);
      for (let row = 0; row < some.length; row++) if (llama.argmax(row) === argmax[at + row]) equal++;
    }
    cache.release();
    total += tokens.length;
  }
  console.log(`argmax equal at ${equal} of ${total} positions, ${seconds(ranAt)}`);
  expect(total).toBe(2000);
  expect(equal / total).toBeGreaterThanOrEqual(0.99);
});
