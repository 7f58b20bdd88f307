/**
 * Safetensors: the container of Hugging Face checkpoints and of our pack shards.
 *
 *   0    u64 bytes of the header, little-endian
 *   8    header: JSON {"name": {"dtype", "shape", "data_offsets": [begin, end]}, "__metadata__": {…}},
 *        padded with spaces
 *   …    data, which the offsets count from; tensors fill it without holes
 *
 * A checkpoint is one file, or several with `model.safetensors.index.json`. Every length is checked against the size of
 * the file before it is used.
 */
import * as z from "zod";
import { OutriderError } from "../model/errors.ts";
import { type ByteSource, type OpenFile, openIfThere, readText } from "./source.ts";

const DTYPE_BYTES = { F32: 4, F16: 2, BF16: 2, U8: 1 } as const;
type Dtype = keyof typeof DTYPE_BYTES;

export interface StoredTensor {
  readonly name: string;
  readonly dtype: Dtype;
  readonly shape: readonly number[];
  readonly source: ByteSource;
  /** Bytes from the start of the source. */
  readonly offset: number;
  readonly bytes: number;
}

/** The limit of the reference implementation. */
const MAX_HEADER_BYTES = 100_000_000;
const MAX_INDEX_BYTES = 64 * 1024 * 1024;
const MAX_FILES = 4096;

const entrySchema = z.object({
  dtype: z.string(),
  shape: z.array(z.int().nonnegative()).max(8),
  data_offsets: z.tuple([z.int().nonnegative(), z.int().nonnegative()]),
});

/** The tensors of one file. Throws `bad_safetensors` naming the byte or tensor that is wrong. */
export async function readSafetensors(source: ByteSource): Promise<Map<string, StoredTensor>> {
  if (source.size < 8) throw bad(source, `it has ${source.size} bytes, too few for a safetensors file`);
  const start = await source.read(0, 8);
  const length = new DataView(start.buffer, start.byteOffset, 8).getBigUint64(0, true);
  if (length > MAX_HEADER_BYTES || Number(length) > source.size - 8) {
    throw bad(
      source,
      `byte 0: a header of ${length} bytes does not fit a file of ${source.size}: truncated, or not safetensors`,
    );
  }
  const headerBytes = Number(length);
  let header: unknown;
  try {
    header = JSON.parse(
      new TextDecoder("utf-8", { fatal: true, ignoreBOM: false }).decode(await source.read(8, headerBytes)),
    );
  } catch (cause) {
    throw bad(source, "byte 8: the header is not JSON", cause);
  }
  if (typeof header !== "object" || header === null || Array.isArray(header)) {
    throw bad(source, "byte 8: the header is not a JSON object");
  }
  const tensors = new Map<string, StoredTensor>();
  for (const [name, value] of Object.entries(header)) {
    if (name !== "__metadata__") tensors.set(name, readEntry(source, name, value, 8 + headerBytes));
  }
  checkOverlap(source, tensors);
  return tensors;
}

/**
 * The tensors of a checkpoint directory: those of `model.safetensors`, or of every file that
 * `model.safetensors.index.json` names. Throws `bad_safetensors` when the index and the files disagree.
 */
export async function readCheckpoint(open: OpenFile): Promise<Map<string, StoredTensor>> {
  const index = await openIfThere(open, "model.safetensors.index.json");
  if (!index) return readSafetensors(await open("model.safetensors"));
  const parsed = indexSchema.safeParse(parseJson(index, await readText(index, MAX_INDEX_BYTES)));
  if (!parsed.success) throw bad(index, `weight_map: ${parsed.error.issues[0]?.message}`);
  const { weight_map: weightMap } = parsed.data;
  const names = [...new Set(Object.values(weightMap))];
  if (names.length > MAX_FILES) throw bad(index, `${names.length} files exceed the limit of ${MAX_FILES}`);
  const files = new Map<string, Map<string, StoredTensor>>();
  for (const name of names) files.set(name, await readSafetensors(await open(name)));
  const tensors = new Map<string, StoredTensor>();
  for (const [name, file] of Object.entries(weightMap)) {
    const tensor = files.get(file)?.get(name);
    if (!tensor) throw bad(index, `tensor ${quote(name)} should be in ${file}, which has no such tensor`);
    tensors.set(name, tensor);
  }
  return tensors;
}

// The file name comes from a file: it must not climb out of the directory.
const indexSchema = z.object({ weight_map: z.record(z.string(), z.string().regex(/^[\w-][\w.-]*\.safetensors$/)) });

export interface NewTensor {
  readonly name: string;
  readonly dtype: Dtype;
  readonly shape: readonly number[];
  readonly bytes: Uint8Array;
}

/** What `writeSafetensors` made: the file, and the byte at which each tensor starts, in order. */
interface SafetensorsFile {
  readonly bytes: Uint8Array;
  readonly offsets: readonly number[];
}

/** One file. The data starts at a multiple of 64; tensors stay 64-byte aligned if their sizes are multiples of 64. */
export function writeSafetensors(
  tensors: readonly NewTensor[],
  metadata: Readonly<Record<string, string>> = {},
): SafetensorsFile {
  const header: Record<string, unknown> = { __metadata__: { format: "pt", ...metadata } };
  let end = 0;
  for (const { name, dtype, shape, bytes } of tensors) {
    const expected = shape.reduce((product, size) => product * size, DTYPE_BYTES[dtype]);
    if (expected !== bytes.length) {
      throw new OutriderError(
        "invalid_shape",
        `${name}: ${shape.join(" × ")} ${dtype} is ${expected} bytes, got ${bytes.length}`,
      );
    }
    header[name] = { dtype, shape, data_offsets: [end, (end += bytes.length)] };
  }
  const json = new TextEncoder().encode(JSON.stringify(header));
  const dataStart = Math.ceil((8 + json.length) / 64) * 64;
  const file = new Uint8Array(dataStart + end).fill(0x20, 8 + json.length, dataStart);
  new DataView(file.buffer).setBigUint64(0, BigInt(dataStart - 8), true);
  file.set(json, 8);
  const offsets: number[] = [];
  let at = dataStart;
  for (const { bytes } of tensors) {
    file.set(bytes, at);
    offsets.push(at);
    at += bytes.length;
  }
  return { bytes: file, offsets };
}

function readEntry(source: ByteSource, name: string, value: unknown, dataStart: number): StoredTensor {
  const parsed = entrySchema.safeParse(value);
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    throw bad(source, `tensor ${quote(name)}: ${issue?.path.join(".")}: ${issue?.message}`);
  }
  const { dtype, shape, data_offsets: offsets } = parsed.data;
  if (!isDtype(dtype)) {
    const known = Object.keys(DTYPE_BYTES).join(", ");
    throw bad(source, `tensor ${quote(name)} has dtype ${quote(dtype)}; readable are ${known}`);
  }
  const [begin, end] = offsets;
  if (dataStart + end > source.size) {
    throw bad(source, `tensor ${quote(name)} ends at byte ${dataStart + end} of a file of ${source.size}: truncated`);
  }
  const bytes = shape.reduce((product, size) => product * size, DTYPE_BYTES[dtype]);
  if (bytes !== end - begin) {
    throw bad(source, `tensor ${quote(name)}: ${shape.join(" × ")} ${dtype} is ${bytes} bytes, not ${end - begin}`);
  }
  return { name, dtype, shape, source, offset: dataStart + begin, bytes };
}

const isDtype = (name: string): name is Dtype => Object.hasOwn(DTYPE_BYTES, name);

function checkOverlap(source: ByteSource, tensors: Map<string, StoredTensor>): void {
  let before: StoredTensor | undefined;
  for (const tensor of [...tensors.values()].sort((a, b) => a.offset - b.offset || a.bytes - b.bytes)) {
    if (before && tensor.offset < before.offset + before.bytes) {
      throw bad(source, `byte ${tensor.offset}: tensor ${quote(tensor.name)} overlaps ${quote(before.name)}`);
    }
    before = tensor;
  }
}

function parseJson(source: ByteSource, text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw bad(source, "it is not JSON", cause);
  }
}

/** Names come from the file: keep what is shown of them short and printable. */
const quote = (name: string): string => JSON.stringify(name.length > 80 ? `${name.slice(0, 80)}…` : name);

const bad = (source: ByteSource, what: string, cause?: unknown) =>
  new OutriderError("bad_safetensors", `${source.name}: ${what}`, { cause });
