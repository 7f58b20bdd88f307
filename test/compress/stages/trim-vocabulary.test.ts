/** A trimmed vocabulary changes nothing for the ids that stay, and reads the others as their last kept piece. */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { trimVocabulary } from "../../../src/compress/stages/trim-vocabulary.ts";
import type { Llama } from "../../../src/draft/model.ts";
import { directorySink, openDirectory } from "../../../src/format/disk.ts";
import { type PackedModel, writePack } from "../../../src/format/pack.ts";
import { readPack, readPackHeader } from "../../../src/format/pack-reader.ts";
import { loadPack, TINY_PACKS } from "../../support/tiny.ts";

const KEEP = 384;
const home = mkdtempSync(join(tmpdir(), "outrider-trim-"));
let whole: PackedModel;
let trimmed: PackedModel;
let full: Llama;
let small: Llama;

beforeAll(async () => {
  whole = await readPack(openDirectory(TINY_PACKS.target));
  trimmed = trimVocabulary(whole, { stage: "trim-vocabulary", keep: KEEP });
  await writePack(trimmed, directorySink(home));
  full = await loadPack(TINY_PACKS.target, 4, 4);
  small = await loadPack(home, 4, 4);
});
afterAll(() => rmSync(home, { recursive: true, force: true }));

const logits = (llama: Llama, tokens: readonly number[]): Float32Array =>
  llama.forward(llama.newCache(), tokens, 1).slice();

test("logits of the kept ids are the same bits", () => {
  const tokens = [1, 40, 383, 200, 17, 300];
  expect(logits(small, tokens)).toEqual(logits(full, tokens).subarray(0, KEEP));
});

test("a token past the end is read as the last of its pieces that is kept, found here by spelling", () => {
  const { vocab, merges } = JSON.parse(whole.tokenizer["tokenizer.json"]).model as {
    vocab: Record<string, number>;
    merges: (string | [string, string])[];
  };
  const spelling = Object.fromEntries(Object.entries(vocab).map(([text, id]) => [id, text]));
  const pairs = new Map(
    merges.map((merge) => (typeof merge === "string" ? merge.split(" ") : merge)).map((m) => [m.join(""), m]),
  );
  const last = (text: string): number =>
    (vocab[text] as number) < KEEP ? (vocab[text] as number) : last((pairs.get(text) as string[])[1] as string);
  const size = whole.vocabulary.size;
  for (let id = KEEP; id < size; id++) {
    const piece = last(spelling[id] as string);
    expect(spelling[id]?.endsWith(spelling[piece] as string)).toBe(true);
    expect(trimmed.substitutes?.[id - KEEP], spelling[id]).toBe(piece);
  }
  expect(logits(small, [1, size - 1, 5])).toEqual(logits(small, [1, last(spelling[size - 1] as string), 5]));
});

test("ids past the target's vocabulary are still refused, and the cache remembers the target's own ids", () => {
  const cache = small.newCache();
  small.forward(cache, [1, KEEP + 3], 1);
  expect(cache.tokens).toEqual([1, KEEP + 3]);
  expect(() => small.forward(cache, [whole.vocabulary.size], 1)).toThrow("outside the vocabulary");
});

test("the header tells rows from tokens, and a wrong list of substitutes is refused", () => {
  const header = JSON.parse(readFileSync(join(home, "pack.json"), "utf8"));
  expect(header.config.vocabulary).toBe(KEEP);
  expect(header.vocabulary).toEqual(whole.vocabulary);
  const { substitutes } = header;
  const withSubstitutes = (list: unknown): string => JSON.stringify({ ...header, substitutes: list });
  expect(readPackHeader(withSubstitutes(substitutes)).substitutes).toEqual(substitutes);
  expect(() => readPackHeader(withSubstitutes(substitutes.slice(1)))).toThrow("substitutes");
  expect(() => readPackHeader(withSubstitutes([...substitutes.slice(1), KEEP]))).toThrow(`past the ${KEEP} rows`);
});

test.each([
  [100, "multiple of 16"],
  [0, "covers the end tokens"],
  [4096, "under"],
])("keep %d is refused", (keep, why) => {
  expect(() => trimVocabulary(whole, { stage: "trim-vocabulary", keep })).toThrow(why);
});
