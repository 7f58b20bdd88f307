/**
 * Makes the tiny model that most tests run on: `node models/tiny/make.ts`.
 *
 * A seeded random Llama of 6 blocks with its own small tokenizer, written as GGUF (tiny.gguf) and imported the way a
 * real model is (pack/), and the depth-pruned draft of it (draft-pack/). It says nothing sensible, but it says it
 * decidedly: answers vary with their context, and the draft agrees with the whole on about half of the tokens.
 */

import { readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import { importGguf } from "../../src/core/format/import.ts";
import { bytesSource } from "../../src/core/format/source.ts";
import { runStages } from "../../src/tools/compress/pipeline.ts";
import type { Recipe } from "../../src/tools/compress/recipe.ts";
import { replacePack } from "../../src/tools/compress/rounding/packable.ts";
import { learnBpe } from "./bpe.ts";
import { type GgufWeight, ggufBytes, type Metadata } from "./gguf-writer.ts";

/** Sizes by their letters in ARCHITECTURE.md; the vocabulary is the same for all. */
interface TinyShape {
  readonly E: number;
  readonly H: number;
  readonly G: number;
  readonly D: number;
  readonly F: number;
  /** How much each block adds to the residual stream. */ readonly strengths: readonly number[];
}

/** The draft keeps the strong blocks. */
const TINY: TinyShape = { E: 64, H: 4, G: 2, D: 32, F: 96, strengths: [1, 1, 0.3, 0.3, 1, 0.3] };
const V = 512;
const SEED = 7;
const SPECIAL = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"];

const DRAFT: Recipe = {
  model: "tiny-draft",
  base: "tiny",
  stages: [{ stage: "prune-depth", keep: [0, 1, 4] }],
};

const CHAT_TEMPLATE =
  "{% for message in messages %}{% if loop.first and messages[0]['role'] != 'system' %}" +
  "{{ '<|im_start|>system\nYou are an outrider<|im_end|>\n' }}{% endif %}" +
  "{{'<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>' + '\n'}}{% endfor %}" +
  "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}";

/** The bytes of a GGUF file of this shape, by default tiny.gguf's; the same on every machine. */
export async function tinyGguf(shape = TINY): Promise<Uint8Array> {
  const { E, H, G, D, F, strengths } = shape;
  const story = await readFile(path.join(import.meta.dirname, "story.txt"), "utf8");
  const bpe = learnBpe(story, SPECIAL, V - 256 - SPECIAL.length);
  const metadata: Metadata = {
    "general.architecture": "llama",
    "general.name": "tiny",
    "general.license": "apache-2.0",
    "llama.block_count": strengths.length,
    "llama.context_length": 2048,
    "llama.embedding_length": E,
    "llama.feed_forward_length": F,
    "llama.attention.head_count": H,
    "llama.attention.head_count_kv": G,
    "llama.attention.key_length": D,
    "llama.attention.value_length": D,
    "llama.rope.dimension_count": D,
    "llama.rope.freq_base": { f32: 10000 },
    "llama.attention.layer_norm_rms_epsilon": { f32: 1e-5 },
    "llama.vocab_size": V,
    "tokenizer.ggml.model": "gpt2",
    "tokenizer.ggml.pre": "smollm",
    "tokenizer.ggml.tokens": bpe.tokens,
    "tokenizer.ggml.token_type": bpe.tokens.map((_, id) => (id < SPECIAL.length ? 3 : 1)),
    "tokenizer.ggml.merges": bpe.merges,
    "tokenizer.ggml.bos_token_id": 1,
    "tokenizer.ggml.eos_token_id": 2,
    "tokenizer.ggml.unknown_token_id": 0,
    "tokenizer.ggml.padding_token_id": 2,
    "tokenizer.ggml.add_bos_token": false,
    "tokenizer.ggml.add_space_prefix": false,
    "tokenizer.chat_template": CHAT_TEMPLATE,
  };
  return Buffer.concat([...ggufBytes(metadata, tinyWeights(shape, bpe.tokens))]);
}

function tinyWeights({ E, H, G, D, F, strengths }: TinyShape, tokens: readonly string[]): GgufWeight[] {
  const normal = normalNumbers(SEED);
  const matrix = (name: string, rows: number, cols: number, deviation: number): GgufWeight => {
    const values = Float32Array.from({ length: rows * cols }, () => normal() * deviation);
    return { name, type: "Q4_1", rows, cols, values: () => values };
  };
  const norm = (name: string, value: () => number): GgufWeight => {
    const values = Float32Array.from({ length: E }, value);
    return { name, type: "F32", rows: 1, cols: E, values: () => values };
  };
  const embedding = matrix("token_embd.weight", V, E, 1);
  for (const [id, token] of tokens.entries()) {
    if (!isReadable(token) || id < SPECIAL.length)
      for (let n = id * E; n < (id + 1) * E; n++) embedding.values()[n]! *= 0.4;
  }
  const weights: GgufWeight[] = [{ ...embedding, type: "Q8_0" }];
  for (const [layer, strength] of strengths.entries()) {
    const block = `blk.${layer}`;
    weights.push(
      norm(`${block}.attn_norm.weight`, () => 1 + 0.1 * normal()),
      // Random rows have no RoPE order of their own: whatever lies here is GGUF's order, and the import must undo it.
      matrix(`${block}.attn_q.weight`, H * D, E, 1.5 / Math.sqrt(E)),
      matrix(`${block}.attn_k.weight`, G * D, E, 1.5 / Math.sqrt(E)),
      matrix(`${block}.attn_v.weight`, G * D, E, 1 / Math.sqrt(E)),
      matrix(`${block}.attn_output.weight`, E, H * D, strength / Math.sqrt(H * D)),
      norm(`${block}.ffn_norm.weight`, () => 1 + 0.1 * normal()),
      matrix(`${block}.ffn_gate.weight`, F, E, 2 / Math.sqrt(E)),
      matrix(`${block}.ffn_up.weight`, F, E, 2 / Math.sqrt(E)),
      matrix(`${block}.ffn_down.weight`, E, F, strength / Math.sqrt(F)),
    );
  }
  // Random signs: with a tied head and plain ones, every token's best successor would be itself.
  weights.push(norm("output_norm.weight", () => (normal() < 0 ? -1 : 1) * (0.4 + 0.05 * normal())));
  return weights;
}

/** Tokens of printable ASCII; the others are made unlikely, so that most answers can be read. */
const isReadable = (token: string): boolean => /^[\u0120\u010a!-~]+$/.test(token);

/**
 * Roughly normal numbers with deviation 1 (the sum of twelve uniform ones): additions only, so exact everywhere.
 * The uniform ones come from a 32-bit mixing generator (SplitMix-like, period 2^32).
 */
function normalNumbers(seed: number): () => number {
  let state = seed >>> 0;
  const uniform = () => {
    state = (state + 0x9e3779b9) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 16), 0x21f0aaad);
    mixed = Math.imul(mixed ^ (mixed >>> 15), 0x735a2d97);
    return ((mixed ^ (mixed >>> 15)) >>> 0) / 2 ** 32;
  };
  return () => {
    let sum = -6;
    for (let n = 0; n < 12; n++) sum += uniform();
    return sum;
  };
}

/** Writes tiny.gguf, pack/ and draft-pack/ into `directory`. */
export async function makeTiny(directory: string): Promise<void> {
  const gguf = await tinyGguf();
  await writeFile(path.join(directory, "tiny.gguf"), gguf);
  const target = await importGguf(bytesSource("tiny.gguf", gguf), "tiny");
  await replacePack(target, path.join(directory, "pack"));
  await replacePack(await runStages(target, DRAFT), path.join(directory, "draft-pack"));
}

if (import.meta.main) await makeTiny(import.meta.dirname);
