/**
 * Writes a GGUF version 3 file: metadata, then tensors in Q4_1, Q8_0 or F32. Only what the tiny model needs, so that
 * the import path can be exercised without a download; the product itself reads GGUF and never writes it.
 *
 *   "GGUF" · u32 version · u64 tensors · u64 entries · entries · tensor infos · padding to 32
 *   · tensor data, each padded to 32
 */
import { BLOCKS, blockBytes } from "../../src/core/model/blocks.ts";
import { numberToF16 } from "../../src/core/model/f16.ts";

export type Metadata = Readonly<Record<string, MetadataValue>>;
/** Numbers are written as u32, in arrays as i32, or as f32 when wrapped in `f32`. */
export type MetadataValue =
  | number
  | boolean
  | string
  | { readonly f32: number }
  | readonly string[]
  | readonly number[];

export interface GgufWeight {
  readonly name: string;
  readonly type: "F32" | "Q4_1" | "Q8_0";
  readonly rows: number;
  /** The contiguous dimension; a multiple of 32 for the quantised types. */
  readonly cols: number;
  values(): Float32Array;
}

const ALIGNMENT = 32;
const VALUE_IDS = { u32: 4, i32: 5, f32: 6, bool: 7, string: 8, array: 9 } as const;

/** The file, piece by piece. A tensor with one row is written as a vector, as llama.cpp does with norms. */
export function* ggufBytes(metadata: Metadata, weights: readonly GgufWeight[]): Generator<Uint8Array, void> {
  const head = new Bytes();
  head.raw(new TextEncoder().encode("GGUF"));
  head.u32(3);
  head.u64(weights.length);
  head.u64(Object.keys(metadata).length);
  for (const [key, value] of Object.entries(metadata)) {
    head.string(key);
    writeValue(head, value);
  }
  let offset = 0;
  for (const { name, type, rows, cols } of weights) {
    const sizes = rows === 1 ? [cols] : [cols, rows];
    head.string(name);
    head.u32(sizes.length);
    for (const size of sizes) head.u64(size);
    head.u32(BLOCKS[type].id);
    head.u64(offset);
    offset += Math.ceil(blockBytes(type, rows * cols) / ALIGNMENT) * ALIGNMENT;
  }
  head.align(ALIGNMENT);
  yield head.take();
  for (const weight of weights) {
    const data = new Bytes();
    data.raw(quantise(weight.type, weight.values()));
    data.align(ALIGNMENT);
    yield data.take();
  }
}

function writeValue(out: Bytes, value: MetadataValue): void {
  if (typeof value === "string") {
    out.u32(VALUE_IDS.string);
    out.string(value);
  } else if (typeof value === "boolean") {
    out.u32(VALUE_IDS.bool);
    out.u8(Number(value));
  } else if (typeof value === "number") {
    out.u32(VALUE_IDS.u32);
    out.u32(value);
  } else if ("f32" in value) {
    out.u32(VALUE_IDS.f32);
    out.f32(value.f32);
  } else {
    const text = typeof value[0] === "string";
    out.u32(VALUE_IDS.array);
    out.u32(text ? VALUE_IDS.string : VALUE_IDS.i32);
    out.u64(value.length);
    for (const item of value) {
      if (typeof item === "string") out.string(item);
      else out.u32(item);
    }
  }
}

function quantise(type: GgufWeight["type"], values: Float32Array): Uint8Array {
  if (type === "F32") return new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
  const out = new Bytes();
  for (let start = 0; start < values.length; start += 32) {
    const group = values.subarray(start, start + 32);
    if (type === "Q8_0") {
      // f16 d · 32 × int8
      const d = Math.max(...group.map(Math.abs)) / 127;
      out.u16(numberToF16(d));
      for (const value of group) out.u8(Math.round(value / d) & 255);
    } else {
      // f16 d · f16 m · 16 bytes, value j in the low nibble of byte j and value j + 16 in the high one
      const m = Math.min(...group);
      const d = (Math.max(...group) - m) / 15;
      const level = (index: number) => Math.min(15, Math.max(0, Math.round((group[index]! - m) / d)));
      out.u16(numberToF16(d));
      out.u16(numberToF16(m));
      for (let j = 0; j < 16; j++) out.u8(level(j) | (level(j + 16) << 4));
    }
  }
  return out.take();
}

/** Little-endian bytes that grow as they are written. */
class Bytes {
  length = 0;
  #bytes = new Uint8Array(1024);
  #view = new DataView(this.#bytes.buffer);

  #room(bytes: number): number {
    const at = this.length;
    this.length += bytes;
    if (this.length > this.#bytes.length) {
      const grown = new Uint8Array(2 * this.length);
      grown.set(this.#bytes);
      this.#bytes = grown;
      this.#view = new DataView(grown.buffer);
    }
    return at;
  }

  u8(value: number): void {
    const at = this.#room(1);
    this.#view.setUint8(at, value);
  }

  u16(value: number): void {
    const at = this.#room(2);
    this.#view.setUint16(at, value, true);
  }

  u32(value: number): void {
    const at = this.#room(4);
    this.#view.setUint32(at, value, true);
  }

  u64(value: number): void {
    const at = this.#room(8);
    this.#view.setBigUint64(at, BigInt(value), true);
  }

  f32(value: number): void {
    const at = this.#room(4);
    this.#view.setFloat32(at, value, true);
  }

  raw(bytes: Uint8Array): void {
    const at = this.#room(bytes.length);
    this.#bytes.set(bytes, at);
  }

  string(text: string): void {
    const bytes = new TextEncoder().encode(text);
    this.u64(bytes.length);
    this.raw(bytes);
  }

  align(to: number): void {
    this.#room((to - (this.length % to)) % to);
  }

  take(): Uint8Array {
    return this.#bytes.slice(0, this.length);
  }
}
