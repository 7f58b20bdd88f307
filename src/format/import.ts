/**
 * The first stage of every recipe: a checkpoint file becomes a model in kernel layout. GGUF's Q4_0, Q4_1 and Q8_0 keep
 * every value. A tensor without an exact format stays f32 until the pack is written, which rounds it to q8; the recipe
 * names it.
 */

import { dequantise } from "../model/blocks.ts";
import { checkConfig, type LlamaConfig } from "../model/config.ts";
import { OutriderError } from "../model/errors.ts";
import { configFromHuggingFace } from "../model/huggingface-config.ts";
import { HEAD, type TensorShape, tensorShapes } from "../model/tensors.ts";
import { exactFormat, tileBlocks } from "../model/tiles.ts";
import { Tokenizer } from "../model/tokenizer.ts";
import { type TokenizerFiles, tokenTable, vocabularyHash } from "../model/tokenizer-files.ts";
import { checkpointStopIds } from "./checkpoint-ends.ts";
import { readGguf } from "./gguf.ts";
import { type BlockTensor, llamaConfig, readLlamaTensor } from "./gguf-llama.ts";
import { tokenizerFiles } from "./gguf-tokenizer.ts";
import type { PackedModel, PackedTensor } from "./pack.ts";
import { readCheckpoint, type StoredTensor } from "./safetensors.ts";
import { type ByteSource, type OpenFile, readText } from "./source.ts";

const MAX_TEXT_BYTES = 64 * 1024 * 1024;

/**
 * Imports a model of a known architecture (model/architectures.ts) from GGUF as `modelId`. Throws what the readers
 * throw: `bad_gguf`, `unsupported_model`, `bad_weights`.
 */
export async function importGguf(source: ByteSource, modelId: string): Promise<PackedModel> {
  const gguf = await readGguf(source);
  const config = await llamaConfig(gguf);
  return assemble(
    modelId,
    config,
    tokenizerFiles(source.name, gguf.metadata),
    { from: "gguf", file: source.name },
    (shape) => readLlamaTensor(gguf, config, shape),
  );
}

/** Imports a Hugging Face checkpoint of F32, F16 or BF16 safetensors with its tokenizer files. */
export async function importSafetensors(open: OpenFile, modelId: string): Promise<PackedModel> {
  const json = parseJson("config.json", await textOf(open, "config.json"));
  const tokenizer = await readTokenizer(open);
  const named = configFromHuggingFace(json);
  const parsed = parseJson("tokenizer.json", tokenizer["tokenizer.json"]);
  const config = checkConfig({ ...named, eosIds: await checkpointStopIds(open, [[...named.eosIds]], parsed) });
  const stored = await readCheckpoint(open);
  // A count that the checkpoint cannot back with tensors must not make a list of that length.
  if (config.layers > stored.size) {
    throw new OutriderError("bad_safetensors", `config.json: ${config.layers} layers, but only ${stored.size} tensors`);
  }
  // A tied checkpoint may store the head all the same; it is then the embedding once more.
  const known = new Set([...tensorShapes(config).map((shape) => shape.name), HEAD]);
  for (const name of stored.keys()) {
    // Old checkpoints store RoPE's frequencies, which follow from the config.
    if (!known.has(name) && !name.endsWith(".rotary_emb.inv_freq")) {
      throw new OutriderError(
        "unsupported_model",
        `it has a tensor that nothing here computes: ${JSON.stringify(name.slice(0, 80))}`,
      );
    }
  }
  return assemble(modelId, config, tokenizer, { from: "safetensors" }, (shape) =>
    readStored(stored.get(shape.name), shape),
  );
}

async function readStored(tensor: StoredTensor | undefined, shape: TensorShape): Promise<BlockTensor> {
  const { name, rows, cols } = shape;
  const type = tensor?.dtype;
  const found = tensor?.shape.join(" × ");
  const fits = found === `${rows} × ${cols}` || (rows === 1 && found === `${cols}`);
  if (!tensor || !fits || type === undefined || type === "U8") {
    const what = tensor ? `${found} ${type}` : "missing";
    throw new OutriderError(
      "bad_safetensors",
      `tensor ${name} is ${what}; expected ${rows} × ${cols} F32, F16 or BF16`,
    );
  }
  return { ...shape, type, bytes: await tensor.source.read(tensor.offset, tensor.bytes) };
}

/** Newer checkpoints keep the chat template in a file of its own; a pack has it in `tokenizer_config.json`. */
export async function readTokenizer(open: OpenFile): Promise<TokenizerFiles> {
  const config = parseJson("tokenizer_config.json", await textOf(open, "tokenizer_config.json"));
  try {
    config.chat_template ??= await textOf(open, "chat_template.jinja");
  } catch (error) {
    if (!(error instanceof OutriderError) || error.code !== "not_found") throw error;
  }
  return {
    "tokenizer.json": await textOf(open, "tokenizer.json"),
    "tokenizer_config.json": JSON.stringify(config, null, 2),
  };
}

const textOf = async (open: OpenFile, name: string) => readText(await open(name), MAX_TEXT_BYTES);

async function assemble(
  model: string,
  config: LlamaConfig,
  tokenizer: TokenizerFiles,
  origin: Record<string, unknown>,
  read: (shape: TensorShape) => Promise<BlockTensor>,
): Promise<PackedModel> {
  // Throws now for a tokenizer that would be refused at run time.
  new Tokenizer(tokenizer["tokenizer.json"]);
  const table = tokenTable(parseJson("tokenizer.json", tokenizer["tokenizer.json"]));
  if (table.length > config.vocabulary) {
    throw new OutriderError(
      "bad_tokenizer",
      `the tokenizer has ${table.length} tokens, the embedding only ${config.vocabulary} rows`,
    );
  }
  const tensors = new Map<string, PackedTensor>();
  const requantised: string[] = [];
  for (const shape of tensorShapes(config)) {
    const tensor = await read(shape);
    const packed = packTensor(tensor);
    if (tensor.rows > 1 && packed.format === "f32") requantised.push(`${shape.name} (${tensor.type})`);
    tensors.set(shape.name, packed);
  }
  return {
    model,
    config,
    vocabulary: { size: table.length, hash: await vocabularyHash(table) },
    tensors,
    tokenizer,
    recipe: [{ stage: "import", ...origin, requantised }],
  };
}

/** Norms, and matrices that no other format holds exactly, become f32; writing a pack rounds such matrices to q8. */
function packTensor({ name, type, rows, cols, bytes }: BlockTensor): PackedTensor {
  try {
    if (type === "Q4_0" || type === "Q4_1" || type === "Q8_0") {
      return { format: exactFormat(type)!, rows, cols, bytes: tileBlocks(type, bytes, rows, cols) };
    }
    return { format: "f32", rows, cols, bytes: f32Bytes(dequantise(type, bytes, rows * cols)) };
  } catch (error) {
    if (!(error instanceof OutriderError)) throw error;
    throw new OutriderError(error.code, `tensor ${name}: ${error.message}`, { cause: error });
  }
}

/** The values' bytes. Throws `bad_weights` if one is not finite: every token would become NaN. */
function f32Bytes(values: Float32Array): Uint8Array {
  for (const [n, value] of values.entries()) {
    if (!Number.isFinite(value)) throw new OutriderError("bad_weights", `weight ${n} is ${value}`);
  }
  return new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
}

function parseJson(name: string, text: string): Record<string, unknown> {
  try {
    const json: unknown = JSON.parse(text);
    if (typeof json === "object" && json !== null && !Array.isArray(json)) return json as Record<string, unknown>;
  } catch {
    // Falls through to the one error below.
  }
  throw new OutriderError("invalid_config", `${name} is not a JSON object`);
}
