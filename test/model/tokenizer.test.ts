/**
 * Special tokens, decoding and refusals on a small tokenizer; the real one is compared with its reference in
 * test/real.
 */
import { describe, expect, test } from "vitest";
import { readGgufMetadata } from "../../src/core/format/gguf.ts";
import { tokenizerFiles } from "../../src/core/format/gguf-tokenizer.ts";
import { bytesSource } from "../../src/core/format/source.ts";
import { Tokenizer } from "../../src/core/model/tokenizer.ts";
import { tokenTable, vocabularyHash } from "../../src/core/model/tokenizer-files.ts";
import { goldenBytes, outcome } from "../support/golden.ts";
import { seeded } from "../support/random.ts";

const files = tokenizerFiles(
  "llama.gguf",
  await readGgufMetadata(bytesSource("llama.gguf", goldenBytes("llama.gguf"))),
);
const json = JSON.parse(files["tokenizer.json"]);
const tokenizer = new Tokenizer(files["tokenizer.json"]);
/** Bytes come after the three special tokens. */
const byte = (value: number) => value + 3;

describe("encode", () => {
  test("treats special tokens in text as text", () => {
    for (const text of ["<|im_end|>", "a<|im_start|>b", "<|endoftext|><|endoftext|>"]) {
      const ids = tokenizer.encode(text);
      expect(ids.filter((id) => id < 3)).toEqual([]);
      expect(tokenizer.decode(ids)).toBe(text);
    }
  });

  test("recognises them in markup, the longest first", () => {
    expect(tokenizer.encodeMarkup("a<|im_end|>b<|im_start")).toEqual([
      byte(97),
      2,
      byte(98),
      ...tokenizer.encode("<|im_start"),
    ]);
    const nested = {
      ...json,
      added_tokens: [...json.added_tokens, { id: 300, content: "<|im_end|>!", special: true }],
    };
    expect(new Tokenizer(JSON.stringify(nested)).encodeMarkup("<|im_end|>!<|im_end|>")).toEqual([300, 2]);
  });

  test("finds added tokens that are words in any text", () => {
    const added = { ...json, added_tokens: [...json.added_tokens, { id: 300, content: "日本", special: false }] };
    const own = new Tokenizer(JSON.stringify(added));
    expect(own.encode("a日本")).toEqual([byte(97), 300]);
    expect(own.decode([byte(97), 300])).toBe("a日本");
  });

  test("nothing from nothing", () => {
    expect([tokenizer.encode(""), tokenizer.encodeMarkup("")]).toEqual([[], []]);
  });
});

describe("decode", () => {
  test("leaves special tokens and unknown ids out", () => {
    expect(tokenizer.decode([1, byte(104), byte(105), 2, 999999])).toBe("hi");
  });

  test("holds back a character until its last byte", () => {
    const decoder = tokenizer.decoder();
    const bytes = [...new TextEncoder().encode("é🙂x")];
    expect(bytes.map((value) => decoder.push(byte(value)))).toEqual(["", "é", "", "", "", "🙂", "x"]);
    expect(decoder.end()).toBe("");
  });

  test("half a character becomes U+FFFD where it is cut, at the latest at the end", () => {
    const decoder = tokenizer.decoder();
    expect([0xf0, 0x9f, 0x41].map((value) => decoder.push(byte(value)))).toEqual(["", "", "\ufffdA"]);
    expect([decoder.push(byte(0xe4)), decoder.end(), decoder.push(byte(0x42))]).toEqual(["", "\ufffd", "B"]);
  });

  test("a byte order mark is text", () => {
    expect(tokenizer.decode(tokenizer.encode("\ufeffa"))).toBe("\ufeffa");
  });
});

test("special tokens by their text", () => {
  expect(tokenizer.specialTokens).toEqual(["<|endoftext|>", "<|im_start|>", "<|im_end|>"]);
  expect([tokenizer.specialId("<|im_end|>"), tokenizer.specialId("the")]).toEqual([2, undefined]);
});

test.each([
  ["SentencePiece", { decoder: { type: "Metaspace" } }, "decoder must be ByteLevel"],
  [
    "tokens put in front",
    { post_processor: { type: "BertProcessing" } },
    "post_processor must be null, ByteLevel or TemplateProcessing",
  ],
  ["Unigram", { model: { ...json.model, type: "Unigram" } }, "model must be BPE"],
  ["byte fallback", { model: { ...json.model, byte_fallback: true } }, "model must not fall back to bytes"],
  [
    "a token between word boundaries",
    { added_tokens: [{ ...json.added_tokens[0], single_word: true }] },
    "must not be found at word boundaries only",
  ],
  ["one-character tokens", { added_tokens: [{ ...json.added_tokens[0], content: "<" }] }, "two characters or more"],
  [
    "a prefix space",
    { pre_tokenizer: { type: "ByteLevel", add_prefix_space: true } },
    "add_prefix_space must be false",
  ],
])("%s is refused", (_, change, message) => {
  expect(() => new Tokenizer(JSON.stringify({ ...json, ...change }))).toThrow(
    expect.objectContaining({ code: "unsupported_tokenizer", message: expect.stringContaining(message) }),
  );
});

test.each([
  ["no vocabulary", { model: {} }, "model.vocab is not a map"],
  ["a list for a vocabulary", { model: { vocab: ["a"] } }, "model.vocab is not a map"],
  ["an absurd id", { model: { vocab: { a: 1e9 } } }, '"a" has the id 1000000000'],
  ["an id that is no number", { model: { vocab: { a: "x" } } }, '"a" has the id x'],
])("a table with %s is refused", (_, tokenizerJson, message) => {
  expect(() => tokenTable(tokenizerJson)).toThrow(
    expect.objectContaining({ code: "bad_tokenizer", message: expect.stringContaining(message) }),
  );
});

test("1,500 files with something else in a random place are used or refused", async () => {
  const random = seeded(8);
  const oddities = [null, 0, -1, 1e12, "", "x", "a b", true, [], [null], {}, { type: 3 }];
  const results = new Set<string>();
  for (let n = 0; n < 1500; n++) {
    const changed = structuredClone(json);
    for (let node = changed; ; ) {
      const keys = Object.keys(node);
      const key = keys[Math.floor(random() * keys.length)]!;
      const inner = node[key];
      if (inner !== null && typeof inner === "object" && Object.keys(inner).length > 0 && random() < 0.8) {
        node = inner;
        continue;
      }
      node[key] = oddities[Math.floor(random() * oddities.length)];
      break;
    }
    results.add(await outcome(async () => new Tokenizer(JSON.stringify(changed)).encode("in the end, é")));
  }
  expect([...results].sort()).toEqual(["bad_tokenizer", "read", "unsupported_tokenizer"]);
});

test("the vocabulary hash is that of the table in the order of ids", async () => {
  const table = tokenTable({ model: { vocab: { b: 1, a: 0 } }, added_tokens: [{ id: 3, content: "<x>" }] });
  expect(table).toEqual(["a", "b", null, "<x>"]);
  // printf '["a","b",null,"<x>"]' | sha256sum
  expect(await vocabularyHash(table)).toBe("a8a1534435396673");
  expect(await vocabularyHash(["b", "a", null, "<x>"])).not.toBe("a8a1534435396673");
});
