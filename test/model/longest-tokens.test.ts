/** A prompt that is far too long is told by its characters: never one that fits. */
import { readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { fewestTokens, longestTokens } from "../../src/core/model/longest-tokens.ts";
import { openTokenizer } from "../../src/core/model/tokenizer.ts";
import { goldenJson } from "../support/golden.ts";
import { TINY_PACKS } from "../support/tiny.ts";

const ofPack = (pack: string) => readFileSync(`${pack}/tokenizer.json`, "utf8");
const SMOLLM2 = ofPack("models/smollm2-135m-draft-m/pack");
const small = Object.entries(goldenJson("small_tokenizers.json") as Record<string, { tokenizer: object }>);
const WHOLE = [
  { name: "byte-level BPE", json: SMOLLM2 },
  { name: "the tiny model's", json: ofPack(TINY_PACKS.target) },
  ...small.map(([name, { tokenizer }]) => ({ name, json: JSON.stringify(tokenizer) })),
].flatMap(({ name, json }) => {
  const longest = longestTokens(json);
  return longest ? [{ name, json, longest }] : [];
});

const parts = ["the road ", " river", "\n\n", "        ", "12345", "don't", "e\u0301", "i\u0307\u0323", "\ufb01", "🙂"];
const text = fc
  .array(fc.oneof(fc.constantFrom(...parts, "<|im_end|>", "aaaaaaaa"), fc.string({ unit: "binary" })), {
    maxLength: 20,
  })
  .map((some) => some.join(""));

test("some of the tokenizers at hand keep all text", () => {
  expect(WHOLE.length).toBeGreaterThan(2);
});

describe.each(WHOLE)("$name", ({ json, longest }) => {
  const tokenizer = openTokenizer(json);
  test("the sum over a text is no more than its tokens", () => {
    fc.assert(
      fc.property(text, (said) => {
        const fewest = fewestTokens(said, longest);
        expect(fewest).toBeLessThanOrEqual(tokenizer.encode(said).length);
        expect(fewest).toBeLessThanOrEqual(tokenizer.encodeMarkup(said).length);
      }),
      { numRuns: 300, seed: 1 },
    );
  });
});

test("a megabyte is told to be too long for a context of 8,192, whatever it says", () => {
  const longest = longestTokens(SMOLLM2)!;
  for (const said of ["7", "a1", "<|im_start", "'", "the road north "]) {
    expect(fewestTokens(said.repeat(Math.ceil(1_000_000 / said.length)), longest)).toBeGreaterThan(8192);
  }
});

test("nothing is told of a tokenizer that lets text vanish", () => {
  const json = JSON.parse(SMOLLM2);
  const [token] = json.added_tokens;
  for (const other of [
    { ...json, normalizer: { type: "Strip", strip_left: true, strip_right: true } },
    { ...json, added_tokens: [{ ...token, lstrip: true }] },
    { ...json, decoder: { type: "BPEDecoder" } },
  ]) {
    expect(longestTokens(JSON.stringify(other))).toBeNull();
  }
});
