/**
 * Whole tokenizers of every kind, each of a few hundred tokens, against the `tokenizers` package
 * (test/golden/make_splits.py).
 */
import { crc32 } from "node:zlib";
import { describe, expect, test } from "vitest";
import { tokenizerFiles } from "../../src/core/format/gguf-tokenizer.ts";
import { openTokenizer, Tokenizer } from "../../src/core/model/tokenizer.ts";
import { goldenJson } from "../support/golden.ts";

interface Small {
  readonly tokenizer: {
    readonly model: {
      readonly vocab: Record<string, number> | [string, number][];
      readonly merges: (string | [string, string])[];
    };
    readonly [field: string]: unknown;
  };
  readonly ids: string[];
}

const strings: string[] = goldenJson("tokenizer.json").strings.map(({ text }: { text: string }) => text);
const golden: Record<string, Small> = goldenJson("small_tokenizers.json");

const checksum = (ids: readonly number[]): string => crc32(JSON.stringify(ids)).toString(16).padStart(8, "0");
const wrong = (tokenizer: Tokenizer, ids: readonly string[]): string[] =>
  strings.filter((text, n) => checksum(tokenizer.encode(text)) !== ids[n]);

test.each(Object.keys(golden))("%s: ids are those of the tokenizers package", (name) => {
  const { tokenizer, ids } = golden[name]!;
  expect(wrong(openTokenizer(JSON.stringify(tokenizer)), ids)).toEqual([]);
});

/** The tables of a tokenizer as a GGUF file holds them. */
function metadata(pre: string, { tokenizer }: Small, more: Record<string, unknown> = {}): Map<string, never> {
  const vocab = Object.entries(tokenizer.model.vocab as Record<string, number>).sort(([, a], [, b]) => a - b);
  const entries = {
    "general.architecture": pre,
    "tokenizer.ggml.model": "gpt2",
    "tokenizer.ggml.pre": pre,
    "tokenizer.ggml.tokens": vocab.map(([token]) => token),
    "tokenizer.ggml.token_type": vocab.map(([token]) => (token === "<|end|>" ? 3 : 1)),
    "tokenizer.ggml.merges": tokenizer.model.merges.map((merge) =>
      typeof merge === "string" ? merge : merge.join(" "),
    ),
    "tokenizer.ggml.bos_token_id": 0,
    "tokenizer.ggml.eos_token_id": 0,
    ...more,
  };
  return new Map(Object.entries(entries)) as Map<string, never>;
}

describe.each(["qwen2", "llama-bpe"])("%s from the tables of a GGUF file", (pre) => {
  const small = golden[pre]!;
  const open = (more = {}) => new Tokenizer(tokenizerFiles("x", metadata(pre, small, more))["tokenizer.json"]);

  test("is the same tokenizer", () => {
    expect(wrong(open(), small.ids)).toEqual([]);
  });

  test("a prompt begins with bos where the model wants one, and with one only", () => {
    const bos = pre === "llama-bpe" ? [0] : [];
    const plain = open().encode("Hi");
    expect(open().encodePrompt("Hi")).toEqual([...bos, ...plain]);
    expect(open().encodePrompt("<|end|>Hi")).toEqual([0, ...plain]);
    expect(open({ "tokenizer.ggml.add_bos_token": true }).encodePrompt("Hi")).toEqual([0, ...plain]);
    expect(open({ "tokenizer.ggml.add_bos_token": false }).encodePrompt("Hi")).toEqual(plain);
  });
});

describe("SentencePiece", () => {
  const tokenizer = openTokenizer(JSON.stringify(golden.sentencepiece!.tokenizer));

  test("decodes bytes and spaces, token by token", () => {
    for (const text of ["the ring", "über 中文 🙂", "a\nb"]) {
      expect(tokenizer.decode(tokenizer.encode(text))).toBe(` ${text}`);
    }
  });

  test("is refused where weights must fit beside it", () => {
    const text = JSON.stringify(golden.sentencepiece!.tokenizer);
    expect(() => new Tokenizer(text)).toThrow("decoder must be ByteLevel");
  });
});

test.each([
  ["WordPiece", { model: { type: "WordPiece", vocab: {} }, decoder: { type: "WordPiece" } }, 'model is "WordPiece"'],
  [
    "an unknown decoder",
    { decoder: { type: "CTC" }, model: { type: "Unigram", vocab: [["a", 0]] } },
    'decoder is "CTC"',
  ],
])("%s is refused by name", (_, change, message) => {
  const text = JSON.stringify({ ...golden.unigram!.tokenizer, ...change });
  expect(() => openTokenizer(text)).toThrow(message);
});
