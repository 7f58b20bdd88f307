/**
 * The first stage of every recipe: a checkpoint file becomes a model in kernel layout. GGUF's Q4_0, Q4_1, Q5_0 and Q8_0
 * keep every value. A tensor without an exact format stays f32 until the pack is written, which rounds it to q8; the
 * recipe names it.
 */

import { type BlockType, dequantise } from "../model/blocks.ts";
import { ChatTemplate } from "../model/chat.ts";
import { checkConfig, type LlamaConfig } from "../model/config.ts";
import { OutriderError } from "../model/errors.ts";
import { configFromHuggingFace } from "../model/huggingface-config.ts";
import { checkModelId } from "../model/model-id.ts";
import { ggufName, HEAD, type TensorShape, tensorShapes } from "../model/tensors.ts";
import { exactFormat, isExact, tileBlocks } from "../model/tiles.ts";
import { Tokenizer } from "../model/tokenizer.ts";
import { type TokenizerFiles, tokenTable, vocabularyHash } from "../model/tokenizer-files.ts";
import { checkpointStopIds } from "./checkpoint-ends.ts";
import { readGguf } from "./gguf.ts";
import { type BlockTensor, llamaConfig, readLlamaTensor } from "./gguf-llama.ts";
import { tokenizerFiles } from "./gguf-tokenizer.ts";
import { type PackedModel, type PackedTensor, type PendingModel, type PendingTensor, wholeTensor } from "./pack.ts";
import { readCheckpoint, type StoredTensor } from "./safetensors.ts";
import { type ByteSource, type OpenFile, openIfThere, readText } from "./source.ts";

const MAX_TEXT_BYTES = 64 * 1024 * 1024;

/** Values of a slice: those of f32 take 16 MB. */
const SLICE_VALUES = 2 ** 22;

/**
 * Imports a model of a known architecture (model/architectures.ts) from GGUF as `modelId`. Throws what the readers
 * throw: `bad_gguf`, `unsupported_model`, `bad_weights`.
 */
export const importGguf = async (source: ByteSource, modelId: string): Promise<PackedModel> =>
  inMemory(await pendingGguf(source, modelId));

/**
 * The same, whose weights are read while its pack is written. The source must stay open until then.
 * @param sliceValues most values of a slice, if a block of heads does not have more
 */
export async function pendingGguf(
  source: ByteSource,
  modelId: string,
  sliceValues: number = SLICE_VALUES,
): Promise<PendingModel> {
  const gguf = await readGguf(source);
  const config = await llamaConfig(gguf);
  return assemble(
    modelId,
    config,
    tokenizerFiles(source.name, gguf.metadata),
    { from: "gguf", file: source.name },
    {
      typeOf: ({ name }) => gguf.tensors.get(ggufName(name))!.type,
      read: (shape, from, count) => readLlamaTensor(gguf, config, shape, from, count),
      sliceValues,
    },
  );
}

/** Imports a Hugging Face checkpoint of F32, F16 or BF16 safetensors with its tokenizer files. */
export const importSafetensors = async (open: OpenFile, modelId: string): Promise<PackedModel> =>
  inMemory(await pendingSafetensors(open, modelId));

/** The same, whose weights are read while its pack is written. */
export async function pendingSafetensors(open: OpenFile, modelId: string): Promise<PendingModel> {
  const json = parseJson("config.json", await textOf(open, "config.json"));
  const tokenizer = await readTokenizer(open);
  const named = configFromHuggingFace(json);
  const parsed = parseJson("tokenizer.json", tokenizer["tokenizer.json"]);
  tokenTable(parsed);
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
  const find = (shape: TensorShape) => fitting(stored.get(shape.name), shape);
  return assemble(
    modelId,
    config,
    tokenizer,
    { from: "safetensors" },
    {
      typeOf: (shape) => find(shape).type,
      async read(shape, from, count) {
        const { tensor, type } = find(shape);
        const rowBytes = tensor.bytes / shape.rows;
        const bytes = await tensor.source.read(tensor.offset + from * rowBytes, count * rowBytes);
        return { ...shape, rows: count, type, bytes };
      },
      sliceValues: SLICE_VALUES,
    },
  );
}

/** A stored tensor that has the shape. Throws `bad_safetensors` for any other. */
function fitting(tensor: StoredTensor | undefined, { name, rows, cols }: TensorShape) {
  const type = tensor?.dtype;
  const found = tensor?.shape.join(" × ");
  const fits = found === `${rows} × ${cols}` || (rows === 1 && found === `${cols}`);
  if (tensor && fits && type !== undefined && type !== "U8") return { tensor, type };
  const what = tensor ? `${found} ${type}` : "missing";
  throw new OutriderError("bad_safetensors", `tensor ${name} is ${what}; expected ${rows} × ${cols} F32, F16 or BF16`);
}

/** Newer checkpoints keep the chat template in a file of its own; a pack has it in `tokenizer_config.json`. */
export async function readTokenizer(open: OpenFile): Promise<TokenizerFiles> {
  const config = parseJson("tokenizer_config.json", await textOf(open, "tokenizer_config.json"));
  if (config.chat_template == null) {
    const file = await openIfThere(open, "chat_template.jinja");
    if (file) config.chat_template = await readText(file, MAX_TEXT_BYTES);
  }
  return {
    "tokenizer.json": await textOf(open, "tokenizer.json"),
    "tokenizer_config.json": JSON.stringify(config, null, 2),
  };
}

/**
 * Throws now, `bad_tokenizer`, for a chat template that would fail each request at run time. A model may have none.
 */
function checkChat(tokenizerConfigJson: string, tokenizer: Tokenizer): void {
  try {
    new ChatTemplate(tokenizerConfigJson, tokenizer);
  } catch (error) {
    if ((error as OutriderError).code !== "no_chat_template") throw error;
  }
}

const textOf = async (open: OpenFile, name: string) => readText(await open(name), MAX_TEXT_BYTES);

/** Where weights come from. */
interface Weights {
  typeOf(shape: TensorShape): BlockType;
  /** `count` rows from row `from` on. */
  read(shape: TensorShape, from: number, count: number): Promise<BlockTensor>;
  readonly sliceValues: number;
}

async function assemble(
  model: string,
  config: LlamaConfig,
  tokenizer: TokenizerFiles,
  origin: Record<string, unknown>,
  weights: Weights,
): Promise<PendingModel> {
  checkModelId(model);
  checkChat(tokenizer["tokenizer_config.json"], new Tokenizer(tokenizer["tokenizer.json"]));
  const table = tokenTable(parseJson("tokenizer.json", tokenizer["tokenizer.json"]));
  if (table.length > config.vocabulary) {
    throw new OutriderError(
      "bad_tokenizer",
      `the tokenizer has ${table.length} tokens, the embedding only ${config.vocabulary} rows`,
    );
  }
  const tensors = new Map<string, PendingTensor>();
  const requantised: string[] = [];
  for (const shape of tensorShapes(config)) {
    const type = weights.typeOf(shape);
    const format = exactFormat(type) ?? "f32";
    if (shape.rows > 1 && format === "f32") requantised.push(`${shape.name} (${type})`);
    const { rows, cols } = shape;
    tensors.set(shape.name, { format, rows, cols, slices: () => slicesOf(shape, config.headSize, weights) });
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

/** The tensor's bytes, some rows at a time: whole heads, so that their rows can be put in order. */
async function* slicesOf(shape: TensorShape, headSize: number, weights: Weights): AsyncGenerator<Uint8Array> {
  const step = Math.max(1, Math.floor(weights.sliceValues / shape.cols / headSize)) * headSize;
  for (let from = 0; from < shape.rows; from += step) {
    yield packRows(await weights.read(shape, from, Math.min(step, shape.rows - from)), from);
  }
}

async function inMemory(model: PendingModel): Promise<PackedModel> {
  const tensors = new Map<string, PackedTensor>();
  for (const [name, tensor] of model.tensors) tensors.set(name, await wholeTensor(name, tensor));
  return { ...model, tensors };
}

/** Norms, and matrices that no other format holds exactly, become f32; writing a pack rounds such matrices to q8. */
function packRows({ name, type, rows, cols, bytes }: BlockTensor, from: number): Uint8Array {
  try {
    if (isExact(type)) return tileBlocks(type, bytes, rows, cols);
    return f32Bytes(dequantise(type, bytes, rows * cols), from * cols);
  } catch (error) {
    if (!(error instanceof OutriderError)) throw error;
    throw new OutriderError(error.code, `tensor ${name}: ${error.message}`, { cause: error });
  }
}

/** The values' bytes. Throws `bad_weights` if one is not finite: every token would become NaN. */
function f32Bytes(values: Float32Array, first: number): Uint8Array {
  for (let n = 0; n < values.length; n++) {
    if (!Number.isFinite(values[n])) throw new OutriderError("bad_weights", `weight ${first + n} is ${values[n]}`);
  }
  return new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
}

/** An object of a file. Throws `invalid_config` naming the file. */
export function parseJson(name: string, text: string): Record<string, unknown> {
  try {
    const json: unknown = JSON.parse(text);
    if (typeof json === "object" && json !== null && !Array.isArray(json)) return json as Record<string, unknown>;
  } catch {
    // Falls through to the one error below.
  }
  throw new OutriderError("invalid_config", `${name} is not a JSON object`);
}
