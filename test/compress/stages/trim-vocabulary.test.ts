/** A trimmed vocabulary changes nothing for the ids that stay, and reads the others as their last kept piece. */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { drawTokens } from "../../../src/core/draft/draw.ts";
import type { Llama } from "../../../src/core/draft/llama.ts";
import { ModelDrafter } from "../../../src/core/draft/model-drafter.ts";
import { type PackedModel, writePack } from "../../../src/core/format/pack.ts";
import { readPack, readPackHeader } from "../../../src/core/format/pack-reader.ts";
import { gumbel, noiseBits, noiseKey } from "../../../src/core/model/noise.ts";
import { tokenTable } from "../../../src/core/model/tokenizer-files.ts";
import { directorySink, openDirectory } from "../../../src/core/platform/disk.ts";
import { chooseToken, keepFloor } from "../../../src/core/speculate/sample.ts";
import { GREEDY } from "../../../src/core/speculate/types.ts";
import { WasmEngine } from "../../../src/origin/engines/wasm.ts";
import { type TrimVocabulary, trimVocabulary } from "../../../src/tools/compress/stages/trim-vocabulary.ts";
import { seeded } from "../../support/random.ts";
import { loadPack, TINY_PACKS } from "../../support/tiny.ts";

const KEEP = 384;
const SPECIAL = [0, 1, 2];
const whole: PackedModel = await readPack(openDirectory(TINY_PACKS.target));
const size = whole.vocabulary.size;
const { vocab, merges } = JSON.parse(whole.tokenizer["tokenizer.json"]).model as {
  vocab: Record<string, number>;
  merges: (string | [string, string])[];
};

// How often a made-up text has each id; most of them never.
const random = seeded(31);
const COUNTS = Array.from({ length: size }, () => Math.max(0, Math.floor(random() * 8) - 5));
const counts = async () => COUNTS;
const trim = (keep: number, by: TrimVocabulary["by"], model = whole) =>
  trimVocabulary(model, { stage: "trim-vocabulary", keep, by }, { counts });

describe.each(["rank", "frequency"] as const)("by %s", (by) => {
  const home = mkdtempSync(join(tmpdir(), "outrider-trim-"));
  let trimmed: PackedModel;
  let kept: readonly number[];
  let full: Llama;
  let small: Llama;

  beforeAll(async () => {
    trimmed = await trim(KEEP, by);
    kept = trimmed.kept ?? Array.from({ length: KEEP }, (_, id) => id);
    await writePack(trimmed, directorySink(home));
    full = await loadPack(TINY_PACKS.target, 4, 4);
    small = await loadPack(home, 4, 4);
  });
  afterAll(() => rmSync(home, { recursive: true, force: true }));

  const logits = (llama: Llama, tokens: readonly number[]): Float32Array =>
    llama.forward(llama.newCache(), tokens, 1).slice();

  test("logits of the kept ids are the same bits", () => {
    const tokens = [1, ...[40, 383, 200, 17, 300].map((row) => kept[row]!)];
    const all = logits(full, tokens);
    expect(logits(small, tokens)).toEqual(Float32Array.from(kept, (id) => all[id]!));
  });

  test("a token without a row is read as the last of its pieces that is kept, found here by spelling", () => {
    const spelling = Object.fromEntries(Object.entries(vocab).map(([text, id]) => [id, text]));
    const pairs = new Map(
      merges.map((merge) => (typeof merge === "string" ? merge.split(" ") : merge)).map((m) => [m.join(""), m]),
    );
    const own = new Set(kept);
    const last = (text: string): number =>
      own.has(vocab[text] as number) ? (vocab[text] as number) : last((pairs.get(text) as string[])[1] as string);
    const missing = Array.from({ length: size }, (_, id) => id).filter((id) => !own.has(id));
    for (const [n, id] of missing.entries()) {
      const piece = last(spelling[id] as string);
      expect(spelling[id]?.endsWith(spelling[piece] as string)).toBe(true);
      expect(trimmed.substitutes?.[n], spelling[id]).toBe(piece);
    }
    for (const id of missing.slice(-9)) {
      expect(logits(small, [1, id, 5])).toEqual(logits(small, [1, last(spelling[id] as string), 5]));
    }
  });

  test("ids past the target's vocabulary are still refused, and the cache remembers the target's own ids", () => {
    const cache = small.newCache();
    small.forward(cache, [1, KEEP + 3], 1);
    expect(cache.tokens).toEqual([1, KEEP + 3]);
    expect(() => small.forward(cache, [size], 1)).toThrow("outside the vocabulary");
  });

  test("draws what the whole model draws where it says only kept ids", async () => {
    const forbidden = Array.from({ length: size }, (_, id) => id).filter((id) => !kept.includes(id));
    for (let n = 0; n < 60; n++) {
      const sampling =
        n % 6 === 0
          ? GREEDY
          : { temperature: 2, topK: n % 4 === 0 ? 20 : 0, topP: n % 3 === 0 ? 0.8 : 1, minP: 0, seed: n };
      const tokens = [1, ...Array.from({ length: 5 }, () => kept[Math.floor(random() * KEEP)]!)];
      const own = logits(small, tokens);
      const restricted = logits(full, tokens);
      for (const id of forbidden) restricted[id] = Number.NEGATIVE_INFINITY;
      const token = chooseToken(restricted, sampling, tokens.length);
      expect(drawTokens(small, own, sampling, tokens.length, 1)[0]!.id, JSON.stringify(sampling)).toBe(token);
      const drafter = new ModelDrafter(small, small.newCache(), sampling);
      await drafter.sync(tokens);
      const proposed = await drafter.propose(1, () => true);
      expect(proposed.map(({ id }) => id)).toEqual([token]);
      // The four best of those that the filters leave, by brute force over the whole vocabulary.
      const top = Math.max(...restricted);
      const least =
        sampling === GREEDY ? -Number.MAX_VALUE : keepFloor(restricted, top, sampling) * sampling.temperature;
      const key = noiseKey(sampling.seed, tokens.length);
      const best = [...restricted.keys()]
        .filter((id) => restricted[id]! - top >= least)
        .map((id) => restricted[id]! + sampling.temperature * gumbel(noiseBits(key, id)))
        .sort((a, b) => b - a)
        .slice(0, 4);
      const sum = best.reduce((total, score) => total + Math.exp((score - best[0]!) / 0.9), 0);
      expect(proposed[0]!.confidence).toBeCloseTo(1 / sum, 5);
    }
  });

  test("what was written is what is read", async () => {
    const { recipe, ...read } = await readPack(openDirectory(home));
    const { recipe: made, ...written } = trimmed;
    expect(read).toEqual(written);
    expect(recipe).toEqual([...whole.recipe, { stage: "trim-vocabulary", keep: KEEP, by }]);
    expect(made).toEqual(recipe);
  });

  test("a header whose lists do not fit is refused", () => {
    const header = JSON.parse(readFileSync(join(home, "pack.json"), "utf8"));
    expect(header.config.vocabulary).toBe(KEEP);
    expect(header.vocabulary).toEqual(whole.vocabulary);
    const { substitutes } = header;
    const withLists = (change: object): string => JSON.stringify({ ...header, ...change });
    expect(readPackHeader(withLists({})).substitutes).toEqual(substitutes);
    expect(() => readPackHeader(withLists({ substitutes: substitutes.slice(1) }))).toThrow("substitutes");
    const missing = Array.from({ length: size }, (_, id) => id).find((id) => !kept.includes(id))!;
    expect(() => readPackHeader(withLists({ substitutes: [...substitutes.slice(1), missing] }))).toThrow("none of the");
    expect(() => readPackHeader(withLists({ kept: kept.slice(1) }))).toThrow("kept names 383 tokens for 384 rows");
    expect(() => readPackHeader(withLists({ kept: kept.with(3, kept[4]!) }))).toThrow("kept[4]");
    expect(() => readPackHeader(withLists({ kept: kept.with(-1, size) }))).toThrow(`under ${size}`);
  });

  test("it cannot decide for others", () => {
    expect(() => new WasmEngine(small, 3)).toThrow("it can only draft");
  });
});

test("by frequency the most frequent tokens stay, of equals the first; bytes and special tokens too", async () => {
  const merged = new Set(merges.map((m) => vocab[typeof m === "string" ? m.replace(" ", "") : m.join("")]!));
  const always = [...SPECIAL, ...Object.values(vocab).filter((id) => !merged.has(id) && !SPECIAL.includes(id))];
  expect(always).toHaveLength(SPECIAL.length + 256);
  const kept = new Set((await trim(KEEP, "frequency")).kept);
  for (const id of always) expect(kept).toContain(id);
  for (const id of merged) {
    if (kept.has(id)) continue;
    // Whatever stays instead is as frequent, and if equally so comes before.
    for (const other of merged) {
      if (!kept.has(other)) continue;
      expect(COUNTS[other]! > COUNTS[id]! || (COUNTS[other] === COUNTS[id] && other < id)).toBe(true);
    }
  }
});

// models/distil/tests/test_vocabulary.py takes the same case: a student and its pack must have the same rows.
test("a model with more rows than its tokenizer has ids keeps no id behind the last one", async () => {
  const url = new URL("../../cases/trimmed.json", import.meta.url);
  const { tokenizer, rows, text, keep, kept, substitutes } = JSON.parse(readFileSync(url, "utf8"));
  const model = {
    ...whole,
    config: { ...whole.config, vocabulary: rows, bosId: 24, eosIds: [24] },
    vocabulary: { ...whole.vocabulary, size: tokenTable(tokenizer).length },
    tokenizer: { ...whole.tokenizer, "tokenizer.json": JSON.stringify(tokenizer) },
  };
  const counts = async (size: number) =>
    Float64Array.from({ length: size }, (_, id) => text.filter((token: number) => token === id).length);
  const made = await trimVocabulary(model, { stage: "trim-vocabulary", keep, by: "frequency" }, { counts });
  expect(made).toMatchObject({ kept, substitutes });
});

test("by rank the first stay, and nothing is asked of a text", async () => {
  const asked = { counts: () => Promise.reject(new Error("asked")) };
  const trimmed = await trimVocabulary(whole, { stage: "trim-vocabulary", keep: KEEP, by: "rank" }, asked);
  expect(trimmed.kept).toBeUndefined();
});

test("end tokens at the end of the vocabulary stay", async () => {
  const model = { ...whole, config: { ...whole.config, eosIds: [2, size - 1] } };
  const trimmed = await trim(KEEP, "rank", model);
  expect(trimmed.kept).toEqual([...Array.from({ length: KEEP - 1 }, (_, id) => id), size - 1]);
  const home = mkdtempSync(join(tmpdir(), "outrider-trim-"));
  const header = await writePack(trimmed, directorySink(home));
  expect(readPackHeader(readFileSync(join(home, "pack.json"), "utf8"))).toEqual(header);
  rmSync(home, { recursive: true });
});

test.each([
  [100, "multiple of 16"],
  [256, "at least 259"],
  [4096, "under"],
])("keep %d is refused", async (keep, why) => {
  await expect(trim(keep, "frequency")).rejects.toThrow(why);
});

test("a trimmed model is not trimmed again", async () => {
  await expect(trim(272, "rank", await trim(KEEP, "frequency"))).rejects.toThrow("trimmed already");
});
