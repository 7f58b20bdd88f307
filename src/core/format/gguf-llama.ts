/**
 * A model inside a GGUF file, in Hugging Face's words: its config, and its tensors by Hugging Face name with the rows
 * of q and k in half-split order. Its tokenizer is in gguf-tokenizer.ts.
 *
 * GGUF's "llama" rotates neighbouring channels (2i, 2i + 1), Hugging Face and our kernels rotate (i, i + D/2):
 * the converter stored row j·D/2 + i of a head at 2i + j. Rows are whole runs of blocks, so moving them back touches no
 * value. Other architectures were stored as they are.
 */
import { ARCHITECTURES, featuresOf } from "../model/architectures.ts";
import type { BlockType } from "../model/blocks.ts";
import { checkConfig, type LlamaConfig } from "../model/config.ts";
import { OutriderError } from "../model/errors.ts";
import { ggufName, type TensorShape, tensorShapes } from "../model/tensors.ts";
import { permuteRows } from "../model/tiles.ts";
import { type Gguf, type MetadataValue, readGgufTensor } from "./gguf.ts";
import { ggufStopIds } from "./gguf-facts.ts";
import { ROPE_FACTORS, readRopeFactors } from "./gguf-rope.ts";

/** A weight as it lies in the file: `rows` runs of blocks of `type`. */
export interface BlockTensor extends TensorShape {
  readonly type: BlockType;
  readonly bytes: Uint8Array;
}

/**
 * The config of a model of a known architecture. Rejects with `unsupported_model` naming what our kernels do not
 * compute (other architectures, other scalings of RoPE, experts), with `bad_gguf` when metadata is missing or disagrees
 * with the tensors.
 */
export async function llamaConfig(gguf: Gguf): Promise<LlamaConfig> {
  const { metadata, tensors } = gguf;
  const architecture = architectureIn(gguf);
  const key = (name: string) => `${architecture.gguf}.${name}`;
  const scaling = metadata.get(key("rope.scaling.type"));
  if (scaling !== undefined && scaling !== "none") {
    throw unsupported(
      gguf,
      `its RoPE is scaled by ${JSON.stringify(scaling)}; only plain RoPE and Llama 3's factors run here. ${UNDRAFTED}`,
    );
  }
  if (metadata.get(key("expert_count"))) throw unsupported(gguf, `it is a mixture of experts. ${UNDRAFTED}`);

  const heads = number(gguf, key("attention.head_count"));
  const embedding = number(gguf, key("embedding_length"));
  const headSize = number(gguf, key("attention.key_length"), embedding / heads);
  for (const name of [key("attention.value_length"), key("rope.dimension_count")]) {
    if (number(gguf, name, headSize) !== headSize) {
      throw unsupported(gguf, `${name} is ${metadata.get(name)} where heads have ${headSize} channels`);
    }
  }
  const tokens = metadata.get("tokenizer.ggml.tokens");
  const ropeTheta = shortestDecimal(number(gguf, key("rope.freq_base"), 10000));
  const ropeScaling = await readRopeFactors(gguf, headSize, ropeTheta);
  const config = checkConfig({
    layers: number(gguf, key("block_count")),
    heads,
    kvHeads: number(gguf, key("attention.head_count_kv"), heads),
    headSize,
    embedding,
    feedForward: number(gguf, key("feed_forward_length")),
    vocabulary: number(gguf, key("vocab_size"), Array.isArray(tokens) ? tokens.length : undefined),
    context: number(gguf, key("context_length")),
    ropeTheta,
    ...(ropeScaling && { ropeScaling }),
    normEpsilon: shortestDecimal(number(gguf, key("attention.layer_norm_rms_epsilon"))),
    tied: !tensors.has("output.weight"),
    bosId: number(gguf, "tokenizer.ggml.bos_token_id", 0),
    eosIds: ggufStopIds(metadata),
    ...featuresOf(architecture),
  });
  checkTensors(gguf, config);
  return config;
}

/** What to do with a model that cannot be a draft. */
const UNDRAFTED = "As a target without a draft it can be served all the same: --draft none";

function architectureIn(gguf: Gguf): (typeof ARCHITECTURES)[number] {
  const name = gguf.metadata.get("general.architecture");
  const architecture = ARCHITECTURES.find((row) => row.gguf === name);
  if (architecture) return architecture;
  const known = [...new Set(ARCHITECTURES.map((row) => row.gguf))].join(", ");
  throw unsupported(gguf, `architecture is ${JSON.stringify(name)}; models of ${known} run here. ${UNDRAFTED}`);
}

/**
 * A tensor by its Hugging Face name, q and k rows in half-split order.
 * @param from the first row that is read, and `count` the number of rows: of q and k whole heads
 */
export async function readLlamaTensor(
  gguf: Gguf,
  config: LlamaConfig,
  shape: TensorShape,
  from = 0,
  count: number = shape.rows,
): Promise<BlockTensor> {
  const name = ggufName(shape.name);
  const bytes = await readGgufTensor(gguf, name, from, count);
  const { type } = gguf.tensors.get(name)!;
  const turned = architectureIn(gguf).ggufTurnsNeighbours && /\.self_attn\.[qk]_proj\.weight$/.test(shape.name);
  const halfSplit = turned
    ? permuteRows(bytes, bytes.length / count, halfSplitOrder(count / config.headSize, config.headSize))
    : bytes;
  return { ...shape, rows: count, type, bytes: halfSplit };
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

/** The file must hold exactly the tensors of the config, in their shapes. */
function checkTensors(gguf: Gguf, config: LlamaConfig): void {
  // A count that the file cannot back with tensors must not make a list of that length.
  if (config.layers > gguf.tensors.size) {
    throw bad(gguf, `block_count is ${config.layers}, but there are only ${gguf.tensors.size} tensors`);
  }
  const shapes = tensorShapes(config);
  const known = new Set([ROPE_FACTORS]);
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
    if (!known.has(name)) {
      throw unsupported(gguf, `it has a tensor that nothing here computes: ${JSON.stringify(name.slice(0, 80))}`);
    }
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
