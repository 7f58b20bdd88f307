/** A Llama out of GGUF against transformers' own loader (test/golden/make_checkpoint.py). */
import { expect, test } from "vitest";
import { type Gguf, readGguf } from "../../src/core/format/gguf.ts";
import { halfSplitOrder, llamaConfig, readLlamaTensor } from "../../src/core/format/gguf-llama.ts";
import { tokenizerFiles } from "../../src/core/format/gguf-tokenizer.ts";
import { bytesSource } from "../../src/core/format/source.ts";
import { dequantise } from "../../src/core/model/blocks.ts";
import { sha256Hex } from "../../src/core/model/sha256.ts";
import { tensorShapes } from "../../src/core/model/tensors.ts";
import { Tokenizer } from "../../src/core/model/tokenizer.ts";
import { goldenBytes, goldenJson } from "../support/golden.ts";

const golden: Gguf = await readGguf(bytesSource("llama.gguf", goldenBytes("llama.gguf")));

/** The golden file with other metadata or tensors. */
const changed = (entries: Record<string, unknown>, drop: string[] = []): Gguf => ({
  ...golden,
  metadata: new Map([...golden.metadata, ...(Object.entries(entries) as [string, never][])]),
  tensors: new Map([...golden.tensors].filter(([name]) => !drop.includes(name))),
});

test("config", async () => {
  expect(await llamaConfig(golden)).toEqual({
    layers: 1,
    heads: 4,
    kvHeads: 2,
    headSize: 32,
    embedding: 64,
    feedForward: 96,
    vocabulary: 263,
    context: 256,
    ropeTheta: 50000,
    normEpsilon: 1e-5,
    tied: true,
    bosId: 1,
    // The file names <|im_end|> alone; <|endoftext|> is known to end answers.
    eosIds: [2, 0],
  });
});

test("every tensor has the values that transformers reads, q and k in half-split order", async () => {
  const config = await llamaConfig(golden);
  const digests: Record<string, string> = {};
  for (const shape of tensorShapes(config)) {
    const { type, bytes, rows, cols } = await readLlamaTensor(golden, config, shape);
    const values = dequantise(type, bytes, rows * cols).map((value) => value + 0);
    digests[shape.name] = await sha256Hex(new Uint8Array(values.buffer));
  }
  expect(digests).toEqual(goldenJson("llama.json").tensors);
});

test("the row order undoes the converter's: row 2i + j of a head comes from row j·D/2 + i", () => {
  const [heads, D] = [3, 8];
  const permuted = new Array<number>(heads * D);
  for (let h = 0; h < heads; h++) {
    for (let i = 0; i < D / 2; i++) for (let j = 0; j < 2; j++) permuted[h * D + 2 * i + j] = h * D + (j * D) / 2 + i;
  }
  expect([...halfSplitOrder(heads, D)].map((from) => permuted[from])).toEqual(permuted.map((_, row) => row));
});

test.each([
  [
    "another architecture",
    { "general.architecture": "gemma3" },
    'architecture is "gemma3"; models of llama, qwen2, qwen3 run here. As a target without a draft it can be served',
  ],
  ["scaled RoPE", { "llama.rope.scaling.type": "yarn" }, 'its RoPE is scaled by "yarn"'],
  ["experts", { "llama.expert_count": 8 }, "mixture of experts"],
  [
    "partial RoPE",
    { "llama.rope.dimension_count": 16 },
    "llama.rope.dimension_count is 16 where heads have 32 channels",
  ],
])("%s cannot be imported", async (_, entries, message) => {
  await expect(llamaConfig(changed(entries))).rejects.toMatchObject({
    code: "unsupported_model",
    message: expect.stringContaining(message),
  });
});

test.each([
  ["a missing tensor", {}, ["blk.0.attn_k.weight"], "bad_gguf", "tensor blk.0.attn_k.weight is missing"],
  [
    "a shape that metadata denies",
    { "llama.feed_forward_length": 128 },
    [],
    "bad_gguf",
    "is 96 × 64, the metadata says 128 × 64",
  ],
  ["an absurd number of blocks", { "llama.block_count": 4e9 }, [], "bad_gguf", "only 11 tensors"],
  ["text where a number belongs", { "llama.block_count": "one" }, [], "bad_gguf", "llama.block_count is not a number"],
  [
    "heads that do not divide",
    { "llama.attention.head_count_kv": 3 },
    [],
    "invalid_config",
    "4 query heads cannot share 3",
  ],
  [
    "an end token outside the vocabulary",
    { "tokenizer.ggml.eos_token_id": 263 },
    [],
    "invalid_config",
    "token 263 is not one of the 263",
  ],
] as const)("%s is refused", async (_, entries, drop, code, message) => {
  await expect(llamaConfig(changed(entries, [...drop]))).rejects.toMatchObject({
    code,
    message: expect.stringContaining(message),
  });
});

test("a tensor that the architecture does not have, such as a bias, is refused", async () => {
  const bias = { ...golden.tensors.get("output_norm.weight")!, name: "blk.0.attn_q.bias" };
  const file = { ...golden, tensors: new Map([...golden.tensors, [bias.name, bias]]) };
  await expect(llamaConfig(file)).rejects.toThrow('it has a tensor that nothing here computes: "blk.0.attn_q.bias"');
});

test("the tokenizer files describe the same tokenizer", () => {
  const files = tokenizerFiles("llama.gguf", golden.metadata);
  const tokenizer = new Tokenizer(files["tokenizer.json"]);
  const the = 263 - 2;
  expect(tokenizer.encode("in the")).toEqual([262, the]);
  expect(tokenizer.encodeMarkup("<|im_end|>the")).toEqual([2, the - 1]);
  expect(JSON.parse(files["tokenizer_config.json"])).toMatchObject({
    bos_token: "<|im_start|>",
    eos_token: "<|im_end|>",
    chat_template: "{{ messages[0]['content'] }}",
    model_max_length: 256,
  });
});

test.each([
  ["SentencePiece", { "tokenizer.ggml.model": "llama" }],
  ["an unknown split", { "tokenizer.ggml.pre": "deepseek-llm" }],
  ["a split named like a method", { "tokenizer.ggml.pre": "toString" }],
])("%s is refused as a tokenizer", (_, entries) => {
  expect(() => tokenizerFiles("llama.gguf", changed(entries).metadata)).toThrow("only byte-level BPE");
});

test("a token table with a token twice is refused", () => {
  expect(() => tokenizerFiles("llama.gguf", changed({ "tokenizer.ggml.tokens": ["a", "a"] }).metadata)).toThrow(
    "holds a token twice",
  );
  expect(() => tokenizerFiles("llama.gguf", changed({ "tokenizer.ggml.merges": [1] }).metadata)).toThrow(
    "not a list of strings",
  );
});
