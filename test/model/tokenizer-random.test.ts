/** Any text survives the tokenizer, at once and token by token, and special tokens in it stay text. */
import { readFileSync } from "node:fs";
import fc from "fast-check";
import { expect, test } from "vitest";
import { Tokenizer } from "../../src/core/model/tokenizer.ts";
import { packHeader, TINY_PACKS } from "../support/tiny.ts";

const tokenizer = new Tokenizer(readFileSync(`${TINY_PACKS.target}/tokenizer.json`, "utf8"));
const { vocabulary } = packHeader(TINY_PACKS.target);
const specials = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"];

/** Words, spaces, digits, special tokens and any characters that UTF-8 has. */
const text = fc
  .array(
    fc.oneof(
      fc.constantFrom("the road ", " river", "\n\n", "  ", "\t", "12345", "don't", "é", "🙂", ...specials),
      fc.string({ unit: "binary" }),
      fc.string({ unit: "grapheme" }),
    ),
    { maxLength: 12 },
  )
  .map((parts) => parts.join(""))
  .filter((joined) => joined.isWellFormed());

test("a text's tokens are in the vocabulary and give it back, whole and piece by piece", () => {
  fc.assert(
    fc.property(text, (text) => {
      const ids = tokenizer.encode(text);
      for (const id of ids) expect(id).toBeLessThan(vocabulary.size);
      expect(tokenizer.decode(ids)).toBe(text);
      const decoder = tokenizer.decoder();
      const pieces = [...ids].map((id) => decoder.push(id));
      expect(pieces.join("") + decoder.end()).toBe(text);
    }),
    { numRuns: 300 },
  );
});

test("no text becomes a special token, and as markup each becomes one", () => {
  const ids = specials.map((special) => tokenizer.encodeMarkup(special)[0]!);
  fc.assert(
    fc.property(text, fc.constantFrom(...specials.keys()), (text, n) => {
      for (const id of ids) expect(tokenizer.encode(text + specials[n] + text)).not.toContain(id);
      expect(tokenizer.encodeMarkup(specials[n]!)).toEqual([ids[n]]);
    }),
    { numRuns: 200 },
  );
});
