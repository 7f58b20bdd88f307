/**
 * Packs: a model whose weights lie ready for the kernels, in memory (`PackedModel`) and as a directory (pack-header.ts
 * describes it). Writing goes to a sink and reading comes from named sources, so nothing here knows about disks.
 */
import { OutriderError } from "../model/errors.ts";
import { configToHuggingFace } from "../model/huggingface-config.ts";
import { blockParts, type TensorLayout, tensorBytes } from "../model/layouts.ts";
import { sha256Hex } from "../model/sha256.ts";
import { tensorShapes } from "../model/tensors.ts";
import type { TokenizerFiles } from "../model/tokenizer-files.ts";
import {
  PACK_VERSION,
  type PackFacts,
  type PackHeader,
  type PackPart,
  type PackTensor,
  packFacts,
  SHARD_BYTES,
} from "./pack-header.ts";
import { type NewTensor, writeSafetensors } from "./safetensors.ts";

export interface PackedTensor extends TensorLayout {
  /** In the layout of its format, `tensorBytes` of them. */
  readonly bytes: Uint8Array;
}

/** A whole model in kernel layout. Stages take one and return one; tensors that a stage does not change are shared. */
export interface PackedModel extends PackFacts {
  readonly tensors: ReadonlyMap<string, PackedTensor>;
  readonly tokenizer: TokenizerFiles;
  readonly recipe: PackHeader["recipe"];
}

/** A tensor whose bytes are made while they are written, so that a model need not fit into memory. */
export interface PendingTensor extends TensorLayout {
  /** Its bytes in order, in slices of whole blocks of 16 rows. */
  slices(): AsyncIterable<Uint8Array>;
}

/** A model that is read while its pack is written. */
export interface PendingModel extends Omit<PackedModel, "tensors"> {
  readonly tensors: ReadonlyMap<string, PendingTensor>;
}

/** The bytes of a tensor, put together. Throws `invalid_pack` where its slices are not `tensorBytes` long in all. */
export async function wholeTensor(name: string, { slices, ...layout }: PendingTensor): Promise<PackedTensor> {
  const bytes = new Uint8Array(tensorBytes(layout));
  let at = 0;
  for await (const slice of slices()) {
    if (at + slice.length > bytes.length) break;
    bytes.set(slice, at);
    at += slice.length;
  }
  if (at === bytes.length) return { ...layout, bytes };
  throw new OutriderError("invalid_pack", `tensor ${name}: its slices are not the ${bytes.length} bytes that it has`);
}

/** Takes the files of a pack, one after the other, `pack.json` last. */
export interface PackSink {
  write(name: string, bytes: Uint8Array): Promise<void>;
}

/** Room left in a shard for its safetensors header. */
const HEADER_ROOM = 256 * 1024;
const ALIGNMENT = 64;

/**
 * Writes a pack. `pack.json` comes last, so a directory with one is complete.
 * Throws `invalid_pack` when a tensor of the config is missing or has the wrong shape or size.
 */
export async function writePack(model: PackedModel | PendingModel, sink: PackSink): Promise<PackHeader> {
  for (const { name, rows, cols } of tensorShapes(model.config)) {
    const tensor = model.tensors.get(name);
    const fits = tensor && (!("bytes" in tensor) || tensor.bytes.length === tensorBytes(tensor));
    if (!fits || tensor.rows !== rows || tensor.cols !== cols) {
      throw new OutriderError("invalid_pack", `tensor ${name} is missing or not ${rows} × ${cols}`);
    }
  }
  const bytesOf = lastBytes(model);
  const plan = planShards(model);
  const tensors: Record<string, Omit<PackTensor, "parts"> & { parts: PackPart[] }> = {};
  const shards: { file: string; bytes: number; sha256: string }[] = [];
  const weightMap: Record<string, string> = {};
  let total = 0;
  for (const [shard, pieces] of plan.entries()) {
    const number = (n: number) => String(n).padStart(5, "0");
    const file = `model-${number(shard + 1)}-of-${number(plan.length)}.safetensors`;
    const stored: NewTensor[] = [];
    for (const piece of pieces) stored.push(storedPiece(piece, await bytesOf(piece.name)));
    const { bytes, offsets } = writeSafetensors(stored, { format: "outrider" });
    for (const [n, piece] of pieces.entries()) {
      const parts = (tensors[piece.name] ??= { ...layoutOf(piece.tensor), parts: [] }).parts;
      parts.push({ shard, offset: offsets[n]!, bytes: piece.end - piece.start });
      weightMap[storedName(piece)] = file;
      total += piece.end - piece.start;
    }
    if (bytes.length > SHARD_BYTES) {
      throw new OutriderError(
        "invalid_pack",
        `${file}: ${pieces.length} tensors need a longer header than ${HEADER_ROOM} bytes`,
      );
    }
    await sink.write(file, bytes);
    shards.push({ file, bytes: bytes.length, sha256: await sha256Hex(bytes) });
  }
  const header: PackHeader = { version: PACK_VERSION, ...packFacts(model), tensors, shards, recipe: model.recipe };
  const json = (value: unknown) => new TextEncoder().encode(`${JSON.stringify(value, null, 2)}\n`);
  await sink.write("model.safetensors.index.json", json({ metadata: { total_size: total }, weight_map: weightMap }));
  await sink.write("config.json", json(configToHuggingFace(model.config)));
  for (const name of ["tokenizer.json", "tokenizer_config.json"] as const) {
    await sink.write(name, new TextEncoder().encode(model.tokenizer[name]));
  }
  await sink.write("pack.json", new TextEncoder().encode(headerText(header)));
  return header;
}

/**
 * The bytes of a tensor by its name. Pieces of a tensor follow each other, so one pending tensor at a time is whole.
 */
function lastBytes({ tensors }: PackedModel | PendingModel): (name: string) => Promise<Uint8Array> {
  let last: { readonly name: string; readonly bytes: Uint8Array } | undefined;
  return async (name) => {
    const tensor = tensors.get(name)!;
    if ("bytes" in tensor) return tensor.bytes;
    if (last?.name === name) return last.bytes;
    // Let go of the tensor before this one first.
    last = undefined;
    const { bytes } = await wholeTensor(name, tensor);
    last = { name, bytes };
    return bytes;
  };
}

/** What a header says of a tensor, absent fields absent. */
const layoutOf = ({ format, rows, cols, outliers }: TensorLayout): TensorLayout => ({
  format,
  rows,
  cols,
  ...(outliers !== undefined && { outliers }),
});

/** JSON with a line for each field; lists of ids, which may have tens of thousands, take one line each. */
function headerText(header: PackHeader): string {
  const fields = Object.entries(header).map(([name, value]) => {
    const isIds = Array.isArray(value) && typeof value[0] === "number";
    const text = isIds ? JSON.stringify(value) : JSON.stringify(value, null, 2).replaceAll("\n", "\n  ");
    return `  ${JSON.stringify(name)}: ${text}`;
  });
  return `{\n${fields.join(",\n")}\n}\n`;
}

/** Bytes [start, end) of a tensor, its `part`-th piece. */
interface Piece {
  readonly name: string;
  readonly tensor: TensorLayout;
  readonly part: number;
  readonly start: number;
  readonly end: number;
}

/**
 * Fills shards in the order of the forward pass; a tensor that does not fit the rest of a shard is cut at a multiple
 * of a tile block.
 */
function planShards(model: PackedModel | PendingModel): Piece[][] {
  const room = SHARD_BYTES - HEADER_ROOM;
  const shards: Piece[][] = [[]];
  let used = 0;
  for (const { name } of tensorShapes(model.config)) {
    const tensor = model.tensors.get(name)!;
    const unit = cutUnit(tensor);
    const length = tensorBytes(tensor);
    for (let start = 0, part = 0; start < length; part++) {
      let fits = Math.floor((room - used) / unit) * unit;
      if (fits <= 0) {
        if (used === 0) {
          throw new OutriderError("invalid_pack", `16 rows of ${name} are larger than a shard of ${room} bytes`);
        }
        shards.push([]);
        used = 0;
        fits = Math.floor(room / unit) * unit;
      }
      const end = Math.min(length, start + Math.max(fits, unit));
      shards.at(-1)!.push({ name, tensor, part, start, end });
      used += align(end - start);
      start = end;
    }
  }
  return shards;
}

/** A tensor is cut at multiples of these bytes: one block of 16 rows, also in its outliers. A norm is never cut. */
const cutUnit = (tensor: TensorLayout): number =>
  tensor.format === "f32" ? tensorBytes(tensor) : blockParts(tensor).bytes;

const align = (bytes: number): number => Math.ceil(bytes / ALIGNMENT) * ALIGNMENT;

const storedName = ({ name, part }: Piece): string => (part === 0 ? name : `${name}#${part}`);

/** Safetensors allows no holes between tensors, so the zeros that align the next one belong to this one. */
function storedPiece(piece: Piece, bytes: Uint8Array): NewTensor {
  const length = align(piece.end - piece.start);
  const padded = new Uint8Array(length);
  padded.set(bytes.subarray(piece.start, piece.end));
  return { name: storedName(piece), dtype: "U8", shape: [length], bytes: padded };
}
