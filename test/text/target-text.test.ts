/** Reading answers of a target, and agreement on them against plain loops and the service's engine. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { gzipSync } from "node:zlib";
import { afterAll, expect, test } from "vitest";
import { readPack } from "../../src/core/format/pack-reader.ts";
import { openDirectory } from "../../src/core/platform/disk.ts";
import { Calibrator } from "../../src/tools/compress/calibrate/calibrator.ts";
import { Pool } from "../../src/tools/compress/calibrate/threads/pool.ts";
import { runStages } from "../../src/tools/compress/pipeline.ts";
import { RECIPES } from "../../src/tools/compress/recipes.ts";
import { pruneDepth } from "../../src/tools/compress/stages/prune-depth.ts";
import { sampleAnswers } from "../../src/tools/text/target-text.ts";
import { asLines, readText } from "../../src/tools/text/text-file.ts";
import { textOf } from "../support/calibration.ts";
import { PlainLlama } from "../support/plain-llama.ts";
import { seeded } from "../support/random.ts";
import { loadPack, TINY_PACKS } from "../support/tiny.ts";

const directory = mkdtempSync(path.join(tmpdir(), "outrider-answers-"));
const base = await readPack(openDirectory(TINY_PACKS.target));
const pool = await Pool.open(2);
afterAll(async () => {
  await pool[Symbol.asyncDispose]();
  rmSync(directory, { recursive: true });
});

/** Answers of the tiny target to made-up prompts, of unequal lengths. */
const engine = await loadPack(TINY_PACKS.target, 4, 1);
const random = seeded(9);
const texts = Array.from({ length: 6 }, (_, n) => {
  const prompt = Array.from({ length: 3 + n }, () => 3 + Math.floor(random() * 500));
  const cache = engine.newCache();
  const answer: number[] = [];
  for (let next = prompt; answer.length < 20 + 2 * n; next = answer.slice(-1)) {
    engine.forward(cache, next, 1);
    answer.push(engine.argmax(0));
  }
  cache.release();
  return { prompt, answer };
});

function written(name: string, lines: readonly object[]): string {
  const file = path.join(directory, name);
  const text = asLines(lines);
  writeFileSync(file, name.endsWith(".gz") ? gzipSync(text) : text);
  return file;
}

test("a few lines are all taken, save those without a prompt or an answer", async () => {
  const read = sampleAnswers(
    await readText(written("few.jsonl.gz", [...texts, { answer: [5, 6, 7] }, { text: "no answer" }])),
  );
  expect(read).toEqual(texts);
});

test("of many, as many as are needed from all over the file, none too long", async () => {
  const line = (n: number) => ({ prompt: [n], answer: Array<number>(n % 5 === 0 ? 256 : 50).fill(1) });
  const lines = Array.from({ length: 500 }, (_, n) => line(n));
  const read = sampleAnswers(await readText(written("many.jsonl", lines)));
  expect(read).toHaveLength(40);
  expect(read.every(({ answer }) => answer.length === 50)).toBe(true);
  expect(read[0]!.prompt[0]).toBe(1);
  expect(read.at(-1)!.prompt[0]).toBeGreaterThan(450);
});

test("agreement is the share of the answers that the blocks left predict, prompts and padding apart", async () => {
  const answered = sampleAnswers(await readText(written("texts.jsonl", texts)));
  const calibration = new Calibrator(pool, textOf([], answered));
  expect(await calibration.agreement(base, [0, 1, 2, 3, 4, 5])).toBeGreaterThan(0.97);
  const plain = new PlainLlama(pruneDepth(base, { stage: "prune-depth", keep: [0, 1, 4] }));
  let hits = 0;
  let positions = 0;
  for (const { prompt, answer } of texts) {
    const { logits } = plain.run([...prompt, ...answer]);
    for (const [n, token] of answer.entries()) {
      const row = logits[prompt.length + n - 1]!;
      if (row.indexOf(row.reduce((a, b) => Math.max(a, b))) === token) hits++;
      positions++;
    }
  }
  const agreement = await calibration.agreement(base, [0, 1, 4]);
  expect(Math.abs(agreement - hits / positions)).toBeLessThan(0.01);
  expect(agreement).toBeLessThan(1);
});

test("what lists of blocks have in common is run once and changes nothing", async () => {
  const answered = sampleAnswers(await readText(written("texts.jsonl", texts)));
  const shared = new Calibrator(pool, textOf([], answered));
  for (const list of ["12345", "02345", "01345", "01345", "01235", "0134", "234", "0134", "01234", "01"]) {
    const layers = Array.from(list, Number);
    const alone = new Calibrator(pool, textOf([], answered));
    expect(await shared.agreement(base, layers)).toBe(await alone.agreement(base, layers));
  }
});

test("recipe acceptance-3 keeps the three blocks that predict most, as trying all tells", async () => {
  const calibration = new Calibrator(pool, textOf([], sampleAnswers(await readText(written("texts.jsonl", texts)))));
  let left = [0, 1, 2, 3, 4, 5];
  while (left.length > 3) {
    const tried = left.map((removed) => left.filter((layer) => layer !== removed));
    const worths: number[] = [];
    for (const layers of tried) worths.push(await calibration.agreement(base, layers));
    left = tried[worths.lastIndexOf(Math.max(...worths))]!;
  }
  const made = await runStages(base, { model: "made", stages: RECIPES["acceptance-3"]!.stages }, calibration);
  expect(made.tensors).toEqual(pruneDepth(base, { stage: "prune-depth", keep: left }).tensors);
});

test("a text without answers is refused with what to do", async () => {
  const plain = path.join(directory, "plain.txt");
  writeFileSync(plain, "Once upon a time");
  expect(sampleAnswers(await readText(plain))).toEqual([]);
  await expect(new Calibrator(pool, textOf([[1, 2]])).agreement(base, [0])).rejects.toThrow("`outrider corpus`");
});
