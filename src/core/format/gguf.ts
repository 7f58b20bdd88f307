/**
 * Reads GGUF version 3: metadata, tensor infos, tensor bytes. Nothing here knows about Llama (gguf-llama.ts does).
 *
 *   0    "GGUF" · u32 version · u64 tensors · u64 metadata entries
 *        each entry: string key · u32 type · value          string: u64 bytes · UTF-8; array: u32 type · u64 n · values
 *        each tensor: string name · u32 dimensions · u64 size of each, contiguous first · u32 type · u64 offset
 *   …    padding to `general.alignment` (32), then the tensor data, which offsets count from
 *
 * Everything is little-endian. Every count and length is checked against the bytes that are left before it is believed,
 * so a damaged file costs at most its own size in memory and is refused with the byte at which it stops making sense.
 */
import { BLOCKS, type BlockType } from "../model/blocks.ts";
import { OutriderError } from "../model/errors.ts";
import { Cursor, MAX_HEADER_BYTES, quote, SHORT_READ } from "./gguf-cursor.ts";
import type { ByteSource } from "./source.ts";

export type MetadataValue = number | bigint | boolean | string | readonly MetadataValue[];

export type Metadata = ReadonlyMap<string, MetadataValue>;

interface GgufTensor {
  readonly name: string;
  readonly type: BlockType;
  /** Product of all dimensions but the contiguous one. */
  readonly rows: number;
  /** The contiguous dimension. */
  readonly cols: number;
  /** Bytes from the start of the file. */
  readonly offset: number;
  readonly bytes: number;
}

export interface Gguf {
  readonly source: ByteSource;
  readonly metadata: Metadata;
  readonly tensors: ReadonlyMap<string, GgufTensor>;
}

/** Most array elements in all metadata together. */
const MAX_ELEMENTS = 8 * 1024 * 1024;
const MAX_ENTRIES = 65536;
const MAX_DEPTH = 4;
/** The header is read in one piece of this size, then four times as much while it does not suffice. */
const FIRST_READ = 4 * 1024 * 1024;

const TYPE_OF_ID = new Map(Object.entries(BLOCKS).map(([name, layout]) => [layout.id, name as BlockType]));
/** Types that exist but are not read, so that the error can say what the file holds. */
const FOREIGN_TYPES: Readonly<Record<number, string>> = {
  9: "Q8_1",
  15: "Q8_K",
  16: "IQ2_XXS",
  17: "IQ2_XS",
  18: "IQ3_XXS",
  19: "IQ1_S",
  21: "IQ3_S",
  22: "IQ2_S",
  24: "I8",
  25: "I16",
  26: "I32",
  27: "I64",
  28: "F64",
  29: "IQ1_M",
  34: "TQ1_0",
  35: "TQ2_0",
  39: "MXFP4",
};

/** Reads the header. Throws `bad_gguf` naming the byte and what is wrong there. */
export const readGguf = (source: ByteSource): Promise<Gguf> => read(source, readHeader);

/** Reads the metadata alone, of files too whose tensors have types that are not read here. Throws `bad_gguf`. */
export const readGgufMetadata = (source: ByteSource): Promise<Metadata> =>
  read(source, (cursor) => readMetadata(cursor).metadata);

/** Parses the beginning of the file, more of it while it does not suffice. */
async function read<T>(source: ByteSource, parse: (cursor: Cursor) => T): Promise<T> {
  for (let size = FIRST_READ; ; size *= 4) {
    const length = Math.min(size, source.size, MAX_HEADER_BYTES);
    const cursor = new Cursor(source, await source.read(0, length));
    try {
      return parse(cursor);
    } catch (error) {
      if (error !== SHORT_READ) throw error;
      if (length === MAX_HEADER_BYTES) {
        throw cursor.error(`the header is longer than the limit of ${MAX_HEADER_BYTES} bytes`);
      }
    }
  }
}

/** The bytes of one tensor, or of some of its rows. Throws `bad_gguf` when the file has no such tensor. */
export async function readGgufTensor(gguf: Gguf, name: string, from = 0, rows?: number): Promise<Uint8Array> {
  const tensor = gguf.tensors.get(name);
  if (!tensor) throw new OutriderError("bad_gguf", `${gguf.source.name}: there is no tensor ${name}`);
  const rowBytes = tensor.bytes / tensor.rows;
  return gguf.source.read(tensor.offset + from * rowBytes, (rows ?? tensor.rows) * rowBytes);
}

function readMetadata(cursor: Cursor): { metadata: Metadata; tensorCount: number } {
  const magic = cursor.bytes(4, "magic");
  if (new TextDecoder().decode(magic) !== "GGUF") {
    throw cursor.error('not a GGUF file, it does not start with "GGUF"');
  }
  const version = cursor.u32("version");
  if (version !== 3) {
    const why = version === 0x03000000 ? "the file is big-endian" : `unknown version ${version}`;
    throw cursor.error(`${why}; only little-endian GGUF version 3 can be read, convert the model again`);
  }
  const tensorCount = cursor.count("tensor count", 24, MAX_ENTRIES);
  const entryCount = cursor.count("metadata count", 13, MAX_ENTRIES);
  const metadata = new Map<string, MetadataValue>();
  for (let n = 0; n < entryCount; n++) {
    const key = cursor.string("metadata key");
    if (metadata.has(key)) throw cursor.error(`metadata key ${quote(key)} appears twice`);
    metadata.set(key, readValue(cursor, cursor.u32(`type of ${quote(key)}`), key, 0));
  }
  return { metadata, tensorCount };
}

function readHeader(cursor: Cursor): Gguf {
  const { metadata, tensorCount } = readMetadata(cursor);
  const alignment = metadata.get("general.alignment") ?? 32;
  if (typeof alignment !== "number" || alignment < 8 || alignment > 65536 || (alignment & (alignment - 1)) !== 0) {
    throw cursor.error(`general.alignment must be a power of two from 8 to 65536, got ${alignment}`);
  }
  const infos: TensorInfo[] = [];
  for (let n = 0; n < tensorCount; n++) infos.push(readTensorInfo(cursor, alignment));
  const dataStart = Math.ceil(cursor.at / alignment) * alignment;
  return { source: cursor.source, metadata, tensors: placeTensors(cursor.source, infos, dataStart) };
}

const SCALAR_BYTES: Readonly<Record<number, number>> = {
  0: 1,
  1: 1,
  2: 2,
  3: 2,
  4: 4,
  5: 4,
  6: 4,
  7: 1,
  10: 8,
  11: 8,
  12: 8,
};
const STRING = 8;
const ARRAY = 9;

function readValue(cursor: Cursor, type: number, key: string, depth: number): MetadataValue {
  if (type === STRING) return cursor.string(`value of ${quote(key)}`);
  if (type !== ARRAY) {
    const bytes = SCALAR_BYTES[type];
    if (bytes === undefined) throw cursor.error(`unknown metadata type ${type} for ${quote(key)}`);
    return cursor.scalar(type, bytes, key);
  }
  if (depth === MAX_DEPTH) throw cursor.error(`arrays of ${quote(key)} are nested deeper than ${MAX_DEPTH}`);
  const elementType = cursor.u32(`element type of ${quote(key)}`);
  const elementBytes = elementType === STRING ? 8 : elementType === ARRAY ? 12 : SCALAR_BYTES[elementType];
  if (elementBytes === undefined) throw cursor.error(`unknown element type ${elementType} for ${quote(key)}`);
  const length = cursor.count(`length of ${quote(key)}`, elementBytes, MAX_ELEMENTS - cursor.elements);
  cursor.elements += length;
  const values: MetadataValue[] = [];
  for (let n = 0; n < length; n++) values.push(readValue(cursor, elementType, key, depth + 1));
  return values;
}

interface TensorInfo extends GgufTensor {
  /** Where in the header it is described, for errors. */
  readonly describedAt: number;
}

/** `offset` of the result is still relative to the tensor data. */
function readTensorInfo(cursor: Cursor, alignment: number): TensorInfo {
  const describedAt = cursor.at;
  const name = cursor.string("tensor name");
  const dimensions = cursor.u32(`dimensions of ${quote(name)}`);
  if (dimensions < 1 || dimensions > 4)
    throw cursor.error(`tensor ${quote(name)} has ${dimensions} dimensions, not 1 to 4`);
  const sizes: number[] = [];
  for (let n = 0; n < dimensions; n++) sizes.push(cursor.u64(`size of ${quote(name)}`));
  const id = cursor.u32(`type of ${quote(name)}`);
  const type = TYPE_OF_ID.get(id);
  if (!type) {
    const known = Object.keys(BLOCKS).join(", ");
    throw cursor.error(
      `tensor ${quote(name)} has type ${id} (${FOREIGN_TYPES[id] ?? "unknown"}); readable are ${known}. ` +
        "Take a file of the model in one of these types",
    );
  }
  const layout = BLOCKS[type];
  const cols = sizes[0]!;
  const rows = sizes.slice(1).reduce((product, size) => product * size, 1);
  const bytes = ((rows * cols) / layout.values) * layout.bytes;
  if (rows === 0 || cols === 0 || cols % layout.values !== 0 || !Number.isSafeInteger(bytes)) {
    throw cursor.error(`tensor ${quote(name)} of ${type} cannot have the shape ${sizes.join(" × ")}`);
  }
  const offset = cursor.u64(`offset of ${quote(name)}`);
  if (offset % alignment !== 0) {
    throw cursor.error(`tensor ${quote(name)} starts at data byte ${offset}, which is not a multiple of ${alignment}`);
  }
  return { name, type, rows, cols, offset, bytes, describedAt };
}

/** Turns offsets into file offsets, having checked that no tensor leaves the file or overlaps another. */
function placeTensors(source: ByteSource, infos: TensorInfo[], dataStart: number): Map<string, GgufTensor> {
  const fail = (info: TensorInfo, what: string) =>
    new OutriderError("bad_gguf", `${source.name}: byte ${info.describedAt}: tensor ${quote(info.name)} ${what}`);
  const tensors = new Map<string, GgufTensor>();
  for (const info of infos) {
    const { describedAt: _, ...tensor } = info;
    const end = dataStart + info.offset + info.bytes;
    if (!(end <= source.size)) {
      throw fail(info, `needs the file to reach byte ${end}, but it ends at ${source.size}: truncated, fetch it again`);
    }
    if (tensors.has(info.name)) throw fail(info, "appears twice");
    tensors.set(info.name, { ...tensor, offset: dataStart + info.offset });
  }
  const ordered = [...infos].sort((a, b) => a.offset - b.offset);
  for (let n = 1; n < ordered.length; n++) {
    const before = ordered[n - 1]!;
    const info = ordered[n]!;
    if (info.offset < before.offset + before.bytes) throw fail(info, `overlaps tensor ${quote(before.name)}`);
  }
  return tensors;
}
