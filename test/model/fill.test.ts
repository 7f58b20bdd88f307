/** Fill-in-the-middle: whose tokens are found, from which files, and that no text can pass for one. */
import { describe, expect, test } from "vitest";
import { type MetadataValue, readGgufMetadata } from "../../src/core/format/gguf.ts";
import { tokenizerFiles } from "../../src/core/format/gguf-tokenizer.ts";
import { bytesSource } from "../../src/core/format/source.ts";
import { FillTemplate } from "../../src/core/model/fill.ts";
import { openTokenizer, Tokenizer } from "../../src/core/model/tokenizer.ts";
import { goldenBytes, goldenJson } from "../support/golden.ts";

const metadata = await readGgufMetadata(bytesSource("llama.gguf", goldenBytes("llama.gguf")));
const plain = tokenizerFiles("llama.gguf", metadata);
const SIZE = 263;

/** The golden tokenizer.json with these tokens added behind its own, in order. */
function withTokens(texts: readonly string[], special: boolean): string {
  const json = JSON.parse(plain["tokenizer.json"]);
  const added = texts.map((content, n) => ({ id: SIZE + n, content, special }));
  return JSON.stringify({ ...json, added_tokens: [...json.added_tokens, ...added] });
}

const FAMILIES = [
  ["Qwen2.5-Coder", ["<|fim_prefix|>", "<|fim_suffix|>", "<|fim_middle|>", "<|fim_pad|>", "<|file_sep|>"]],
  ["StarCoder", ["<fim_prefix>", "<fim_suffix>", "<fim_middle>", "<fim_pad>", "<file_sep>"]],
  ["SantaCoder", ["<fim-prefix>", "<fim-suffix>", "<fim-middle>", "<fim-pad>"]],
  ["DeepSeek-Coder", ["<｜fim▁begin｜>", "<｜fim▁hole｜>", "<｜fim▁end｜>", "<|EOT|>"]],
  ["CodeLlama", ["▁<PRE>", "▁<SUF>", "▁<MID>", "▁<EOT>"]],
  ["GLM", ["<|code_prefix|>", "<|code_suffix|>", "<|code_middle|>"]],
] as const;

describe.each(FAMILIES)("%s's tokens", (_, texts) => {
  // Publishers disagree whether these tokens are special.
  test.each([true, false])("are found among the added ones (special: %s)", (special) => {
    const tokenizer = new Tokenizer(withTokens(texts, special));
    const fill = new FillTemplate("{}", tokenizer);
    const ends = texts.slice(3).map((_, n) => SIZE + 3 + n);
    expect(fill.tokens).toEqual({ prefix: SIZE, suffix: SIZE + 1, middle: SIZE + 2, ends });
    const text = tokenizer.encode.bind(tokenizer);
    expect(fill.encode({ before: "the", after: "in", lineBehind: false })).toEqual([
      SIZE,
      ...text("the"),
      SIZE + 1,
      ...text("in"),
      SIZE + 2,
    ]);
    expect(fill.encode({ before: "", after: "" })).toEqual([SIZE, SIZE + 1, SIZE + 2]);
  });

  test("stay text where the client writes them", () => {
    const tokenizer = new Tokenizer(withTokens(texts, false));
    const ids = new FillTemplate("{}", tokenizer).encode({
      before: texts.join(""),
      after: texts.join("x"),
      lineBehind: false,
    });
    expect(ids.filter((id) => id >= SIZE)).toEqual([SIZE, SIZE + 1, SIZE + 2]);
    expect(tokenizer.decode(ids)).toBe(texts.join("") + texts.join("x"));
  });
});

test.each([
  ["today's keys", "fim_pre", "fim_suf", "fim_mid"],
  ["the keys before them", "prefix", "suffix", "middle"],
])("a GGUF file's %s name tokens of any text", (_, prefix, suffix, middle) => {
  const key = (name: string) => `tokenizer.ggml.${name}_token_id`;
  const list = (name: string) => metadata.get(`tokenizer.ggml.${name}`) as readonly (string | number)[];
  const named = new Map<string, MetadataValue>([
    ...metadata,
    ["tokenizer.ggml.tokens", [...list("tokens"), "(a)", "(b)", "(c)"]],
    ["tokenizer.ggml.token_type", [...list("token_type"), 1, 1, 1]],
    ...[prefix, suffix, middle].map((name, n): [string, MetadataValue] => [key(name), SIZE + n]),
    [key("eot"), 2],
  ]);
  const files = tokenizerFiles("llama.gguf", named);
  const tokenizer = new Tokenizer(files["tokenizer.json"]);
  const fill = new FillTemplate(files["tokenizer_config.json"], tokenizer);
  expect(fill.tokens).toEqual({ prefix: SIZE, suffix: SIZE + 1, middle: SIZE + 2, ends: [2] });
  // What commands the model is found in markup and nowhere else.
  expect(tokenizer.encodeMarkup("(b)")).toEqual([SIZE + 1]);
  expect(tokenizer.encode("(b)")).not.toContain(SIZE + 1);
});

test("tokenizer_config.json names them before the known texts do, as texts or as objects", () => {
  const tokenizer = new Tokenizer(withTokens(["<P>", "<S>", "<M>", ...FAMILIES[0][1]], true));
  const config = { prefix_token: "<P>", suffix_token: { content: "<S>" }, middle_token: "<M>", eot_token: null };
  const fill = new FillTemplate(JSON.stringify(config), tokenizer);
  expect(fill.tokens).toMatchObject({ prefix: SIZE, suffix: SIZE + 1, middle: SIZE + 2 });
});

test("a prompt begins as the model wants every text to begin", () => {
  const bos = { type: "TemplateProcessing", single: [{ SpecialToken: { id: "<|im_start|>" } }, { Sequence: {} }] };
  const json = JSON.parse(withTokens(FAMILIES[3][1], true));
  const tokenizer = new Tokenizer(JSON.stringify({ ...json, post_processor: bos }));
  expect(new FillTemplate("{}", tokenizer).encode({ before: "", after: "" })).toEqual([1, SIZE, SIZE + 1, SIZE + 2]);
});

test("a space that a tokenizer puts before the beginning alone is not behind the hole", () => {
  const json = structuredClone(goldenJson("small_tokenizers.json").unigram.tokenizer);
  const first = 100_000;
  const texts = FAMILIES[4][1];
  json.added_tokens.push(...texts.map((content, n) => ({ id: first + n, content, special: true })));
  const tokenizer = openTokenizer(JSON.stringify(json));
  const ids = new FillTemplate("{}", tokenizer).encode({ before: "in", after: "in", lineBehind: false });
  const [before, behind] = [tokenizer.encode("in"), tokenizer.encodeInside("in")];
  expect(behind).not.toEqual(before);
  const begin = tokenizer.encodePrompt("");
  expect(ids).toEqual([...begin, first, ...before, first + 1, ...behind, first + 2]);
});

test("a tokenizer without such tokens is refused by name", () => {
  expect(() => new FillTemplate(plain["tokenizer_config.json"], new Tokenizer(plain["tokenizer.json"]))).toThrow(
    expect.objectContaining({ code: "no_fill_in_the_middle", message: expect.stringContaining("leave out suffix") }),
  );
});

describe("the line at the cursor", () => {
  const tokenizer = new Tokenizer(withTokens(FAMILIES[0][1], true));
  const fill = new FillTemplate("{}", tokenizer);
  const text = tokenizer.encode.bind(tokenizer);

  test("stands behind the middle token", () => {
    const ids = fill.encode({ before: "the\nin a", after: "of" });
    expect(ids).toEqual([SIZE, ...text("the\n"), SIZE + 1, ...text("of"), SIZE + 2, ...text("in a")]);
  });

  test("a further character changes nothing before it", () => {
    const [before, more] = ["the\nin", "the\nin a"].map((before) => fill.encode({ before, after: "of" }));
    const kept = before!.indexOf(SIZE + 2) + 1;
    expect(more!.slice(0, kept)).toEqual(before!.slice(0, kept));
  });
});

describe("other files", () => {
  const files = [{ name: "a.ts", text: "the" }];
  const hole = { before: "in", after: "of", files, lineBehind: false };

  test("stand in the model's own form before the one with the hole", () => {
    const tokenizer = new Tokenizer(withTokens([...FAMILIES[0][1], "<|repo_name|>"], true));
    const text = tokenizer.encode.bind(tokenizer);
    const [file, repository] = [SIZE + 4, SIZE + 5];
    expect(new FillTemplate("{}", tokenizer).encode(hole)).toEqual([
      ...[repository, ...text("repository\n"), file, ...text("a.ts\nthe"), file, ...text("open file\n")],
      ...[SIZE, ...text("in"), SIZE + 1, ...text("of"), SIZE + 2],
    ]);
  });

  test("stand as text for a model that has no token for files", () => {
    const tokenizer = new Tokenizer(withTokens(FAMILIES[5][1], true));
    const ids = new FillTemplate("{}", tokenizer).encode(hole);
    expect(tokenizer.decode(ids.slice(0, ids.indexOf(SIZE)))).toBe("the\n\n--- snippet ---\n\n");
  });
});
