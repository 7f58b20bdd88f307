/** The merge table against BPE by its definition, on random vocabularies and texts. */

import { describe, expect, test } from "vitest";
import { Bpe } from "../../src/core/model/bpe.ts";
import { finished } from "../../src/core/model/sliced.ts";
import { seeded } from "../support/random.ts";

const ALPHABET = ["a", "b", "c", "d", "Ġ"];
const bytesOf = (text: string) => new TextEncoder().encode(text.replaceAll("Ġ", " "));

/** Random merges over the alphabet; each joins two tokens that exist. */
function randomVocabulary(random: () => number, count: number): { tokens: string[]; merges: string[] } {
  const tokens = [...ALPHABET];
  const merges: string[] = [];
  while (merges.length < count) {
    const pick = () => tokens[Math.floor(random() * tokens.length)]!;
    const [left, right] = [pick(), pick()];
    if (left.length + right.length > 8 || tokens.includes(left + right)) continue;
    tokens.push(left + right);
    merges.push(`${left} ${right}`);
  }
  return { tokens, merges };
}

/** Sennrich et al. 2016: while there is a pair that was learnt, merge the one learnt first, leftmost first. */
function byDefinition(text: string, tokens: string[], merges: string[]): number[] {
  const word = [...text];
  for (;;) {
    let best = { rank: Number.POSITIVE_INFINITY, at: -1 };
    for (let at = 0; at + 1 < word.length; at++) {
      const rank = merges.indexOf(`${word[at]} ${word[at + 1]}`);
      if (rank >= 0 && rank < best.rank) best = { rank, at };
    }
    if (best.at < 0) return word.map((token) => tokens.indexOf(token));
    word.splice(best.at, 2, word[best.at]! + word[best.at + 1]!);
  }
}

const encode = (bpe: Bpe, text: string): number[] => {
  const out: number[] = [];
  finished(bpe.encode(bytesOf(text), out));
  return out;
};

test("2,000 random texts in 40 random vocabularies", () => {
  const random = seeded(17);
  for (let round = 0; round < 40; round++) {
    const { tokens, merges } = randomVocabulary(random, 5 + round);
    const bpe = new Bpe(tokens, merges);
    for (let n = 0; n < 50; n++) {
      const length = Math.floor(random() * 40);
      const text = Array.from({ length }, () => ALPHABET[Math.floor(random() * ALPHABET.length)]).join("");
      expect(encode(bpe, text)).toEqual(byDefinition(text, tokens, merges));
    }
  }
});

test("runs of one character, where every pair is a candidate", () => {
  const tokens = ["a", "aa", "aaaa", "aaa"];
  const merges = ["a a", "aa aa", "aa a"];
  const bpe = new Bpe(tokens, merges);
  for (let length = 0; length < 40; length++) {
    expect(encode(bpe, "a".repeat(length))).toEqual(byDefinition("a".repeat(length), tokens, merges));
  }
});

test("a piece of a million bytes is merged, not searched again and again", () => {
  const bpe = new Bpe(["a", "aa", "aaaa"], ["a a", "aa aa"]);
  expect(encode(bpe, "a".repeat(1_000_000))).toEqual(new Array(250_000).fill(2));
});

describe("bytes", () => {
  const bpe = new Bpe(["Ġ", null, "Ċ", "é", "Ġé"], ["Ġ é"]);

  test("of a token are those that its printable spelling stands for", () => {
    expect([0, 1, 2, 3, 4].map((id) => [...bpe.bytesOf(id)])).toEqual([[0x20], [], [0x0a], [0xe9], [0x20, 0xe9]]);
  });

  test("of ids outside the vocabulary are none", () => {
    for (const id of [5, 1e9, -1, Number.NaN]) expect(bpe.bytesOf(id).length).toBe(0);
  });

  test("that no token stands for are left out", () => {
    const out: number[] = [];
    finished(bpe.encode(Uint8Array.of(0x20, 0xff, 0xe9, 0x41), out));
    expect(out).toEqual([4]);
  });
});

test("merges of tokens that do not exist and tokens outside the alphabet are refused", () => {
  expect(() => new Bpe(["a", "b"], ["a b"])).toThrow('merge 0 ("a b") needs a token that does not exist');
  expect(() => new Bpe(["a", "ab"], ["a b"])).toThrow("merge 0");
  expect(() => new Bpe(["a", "中"], [])).toThrow('token "中" is not spelt in the byte-level alphabet');
});
