/**
 * A Llama inside a GGUF file, in Hugging Face's words: its config, and its tensors by Hugging Face name with the rows
 * of q and k put back in half-split order. Its tokenizer is in gguf-tokenizer.ts.
 *
 * GGUF's "llama" rotates neighbouring channels (2i, 2i + 1), Hugging Face and our kernels rotate (i, i + D/2):
 * the converter stored row j·D/2 + i of a head at 2i + j. Rows are whole runs of blocks, so moving them back touches no
 * value.
 */
import type { BlockType } from "../model/blocks.ts";
import { checkConfig, type LlamaConfig } from "../model/config.ts";
import { OutriderError } from "../model/errors.ts";
import { ggufName, type TensorShape, tensorShapes } from "../model/tensors.ts";
import { permuteRows } from "../model/tiles.ts";
import { type Gguf, type MetadataValue, readGgufTensor } from "./gguf.ts";

/** A weight as it lies in the file: `rows` runs of blocks of `type`. */
export interface BlockTensor extends TensorShape {
  readonly type: BlockType;
  readonly bytes: Uint8Array;
}

/**
 * The config of a plain Llama. Throws `unsupported_model` naming what our kernels do not compute (other architectures,
 * scaled RoPE, experts, biases), `bad_gguf` when metadata is missing or disagrees with the tensors.
 */
export function llamaConfig(gguf: Gguf): LlamaConfig {
  const { metadata, tensors } = gguf;
  const architecture = metadata.get("general.architecture");
  if (architecture !== "llama") {
    throw unsupported(gguf, `architecture is ${JSON.stringify(architecture)}; only "llama" models can be imported`);
  }
  const scaling = metadata.get("llama.rope.scaling.type");
  if ((scaling !== undefined && scaling !== "none") || tensors.has("rope_freqs.weight")) {
    throw unsupported(gguf, "its RoPE is scaled; only plain RoPE is supported");
  }
  if (metadata.get("llama.expert_count")) throw unsupported(gguf, "it is a mixture of experts");

  const heads = number(gguf, "llama.attention.head_count");
  const embedding = number(gguf, "llama.embedding_length");
  const headSize = number(gguf, "llama.attention.key_length", embedding / heads);
  for (const key of ["llama.attention.value_length", "llama.rope.dimension_count"]) {
    if (number(gguf, key, headSize) !== headSize) {
      throw unsupported(gguf, `${key} is ${metadata.get(key)} where heads have ${headSize} channels`);
    }
  }
  const tokens = metadata.get("tokenizer.ggml.tokens");
  const vocabulary = number(gguf, "llama.vocab_size", Array.isArray(tokens) ? tokens.length : undefined);
  const eosIds = ["eos", "eot", "eom"]
    .map((name) => metadata.get(`tokenizer.ggml.${name}_token_id`))
    .filter((id): id is number => typeof id === "number");
  const config = checkConfig({
    layers: number(gguf, "llama.block_count"),
    heads,
    kvHeads: number(gguf, "llama.attention.head_count_kv", heads),
    headSize,
    embedding,
    feedForward: number(gguf, "llama.feed_forward_length"),
    vocabulary,
    context: number(gguf, "llama.context_length"),
    ropeTheta: shortestDecimal(number(gguf, "llama.rope.freq_base", 10000)),
    normEpsilon: shortestDecimal(number(gguf, "llama.attention.layer_norm_rms_epsilon")),
    tied: !tensors.has("output.weight"),
    bosId: number(gguf, "tokenizer.ggml.bos_token_id", 0),
    eosIds: [...new Set(eosIds)],
  });
  checkTensors(gguf, config);
  return config;
}

/** One tensor by its Hugging Face name, q and k rows in half-split order. */
export async function readLlamaTensor(gguf: Gguf, config: LlamaConfig, shape: TensorShape): Promise<BlockTensor> {
  const name = ggufName(shape.name);
  const bytes = await readGgufTensor(gguf, name);
  const { type } = gguf.tensors.get(name)!;
  const rotated = /\.self_attn\.[qk]_proj\.weight$/.test(shape.name);
  const halfSplit = rotated
    ? permuteRows(bytes, bytes.length / shape.rows, halfSplitOrder(shape.rows / config.headSize, config.headSize))
    : bytes;
  return { ...shape, type, bytes: halfSplit };
}

/** Row order that turns neighbouring RoPE pairs into half-split ones: `order[h·D + j·D/2 + i] = h·D + 2i + j`. */
export function halfSplitOrder(heads: number, headSize: number): Uint32Array {
  const order = new Uint32Array(heads * headSize);
  const half = headSize / 2;
  for (let row = 0; row < order.length; row++) {
    const channel = row % headSize;
    order[row] = row - channel + 2 * (channel % half) + Math.floor(channel / half);
  }
  return order;
}

/** The file must hold exactly the tensors of a plain Llama, in their shapes. */
function checkTensors(gguf: Gguf, config: LlamaConfig): void {
  // A count that the file cannot back with tensors must not make a list of that length.
  if (config.layers > gguf.tensors.size) {
    throw bad(gguf, `llama.block_count is ${config.layers}, but there are only ${gguf.tensors.size} tensors`);
  }
  const shapes = tensorShapes(config);
  const known = new Set<string>();
  for (const shape of shapes) {
    const name = ggufName(shape.name);
    known.add(name);
    const tensor = gguf.tensors.get(name);
    if (!tensor) throw bad(gguf, `tensor ${name} is missing`);
    if (tensor.rows !== shape.rows || tensor.cols !== shape.cols) {
      throw bad(
        gguf,
        `tensor ${name} is ${tensor.rows} × ${tensor.cols}, the metadata says ${shape.rows} × ${shape.cols}`,
      );
    }
  }
  for (const name of gguf.tensors.keys()) {
    if (!known.has(name)) throw unsupported(gguf, `a plain Llama has no tensor ${JSON.stringify(name.slice(0, 80))}`);
  }
}

function number(gguf: Gguf, key: string, fallback?: number): number {
  const value: MetadataValue | undefined = gguf.metadata.get(key) ?? fallback;
  if (typeof value === "number") return value;
  throw bad(gguf, `metadata ${key} is ${value === undefined ? "missing" : "not a number"}`);
}

/** 9.999999747378752e-6 is how an f32 says 1e-5: the shortest decimal that rounds to the same f32. */
function shortestDecimal(value: number): number {
  for (let digits = 1; digits < 9; digits++) {
    const decimal = Number(value.toPrecision(digits));
    if (Math.fround(decimal) === Math.fround(value)) return decimal;
  }
  return value;
}

const bad = (gguf: Gguf, what: string) => new OutriderError("bad_gguf", `${gguf.source.name}: ${what}`);
const unsupported = (gguf: Gguf, what: string) =>
  new OutriderError("unsupported_model", `${gguf.source.name}: ${what}`);
