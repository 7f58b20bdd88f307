/**
 * Reads GGUF's little-endian values in order from the first bytes of a file, and says at which byte one stops making
 * sense. What the values mean is gguf.ts's business.
 */
import { OutriderError } from "../model/errors.ts";
import type { ByteSource } from "./source.ts";

/** Longest header, in bytes: a vocabulary of 256k tokens with its merges takes about 12 MB. */
export const MAX_HEADER_BYTES = 64 * 1024 * 1024;

/** Names come from the file: keep what is shown of them short and printable. */
export const quote = (name: string): string => JSON.stringify(name.length > 80 ? `${name.slice(0, 80)}…` : name);

/** Thrown when the header goes on after the bytes read so far; `readGguf` then reads more. */
export const SHORT_READ = Symbol("short read");

/** Reads values in order from the first bytes of the file. */
export class Cursor {
  readonly source: ByteSource;
  /** Byte of the file that comes next. */
  at = 0;
  /** Array elements read so far. */
  elements = 0;
  /** Where the value read last began: what an error is about. */
  #last = 0;
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  readonly #decoder = new TextDecoder("utf-8");

  constructor(source: ByteSource, bytes: Uint8Array) {
    this.source = source;
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  error(what: string): OutriderError {
    return new OutriderError("bad_gguf", `${this.source.name}: byte ${this.#last}: ${what}`);
  }

  bytes(length: number, what: string): Uint8Array {
    const start = this.#take(length, what);
    return this.#bytes.subarray(start, start + length);
  }

  u32(what: string): number {
    return this.#view.getUint32(this.#take(4, what), true);
  }

  /** A u64 that must be a safe integer. */
  u64(what: string): number {
    const value = this.#view.getBigUint64(this.#take(8, what), true);
    if (value <= BigInt(Number.MAX_SAFE_INTEGER)) return Number(value);
    throw this.error(`${what} is ${value}, which cannot be`);
  }

  /**
   * A u64 number of things of which each takes at least `eachBytes` bytes of the file, and of which `limit` are
   * allowed.
   */
  count(what: string, eachBytes: number, limit: number): number {
    const value = this.u64(what);
    const left = this.source.size - this.at;
    if (value > limit || value * eachBytes > left) {
      throw this.error(
        `${what} is ${value}, more than the ${left} bytes that are left or the limit of ${limit} allow: ` +
          `truncated or damaged`,
      );
    }
    return value;
  }

  string(what: string): string {
    return this.#decoder.decode(this.bytes(this.count(`bytes of ${what}`, 1, MAX_HEADER_BYTES), what));
  }

  scalar(type: number, bytes: number, key: string): number | bigint | boolean {
    const at = this.#take(bytes, `value of ${quote(key)}`);
    const view = this.#view;
    switch (type) {
      case 0:
        return view.getUint8(at);
      case 1:
        return view.getInt8(at);
      case 2:
        return view.getUint16(at, true);
      case 3:
        return view.getInt16(at, true);
      case 4:
        return view.getUint32(at, true);
      case 5:
        return view.getInt32(at, true);
      case 6:
        return view.getFloat32(at, true);
      case 7:
        return view.getUint8(at) !== 0;
      case 12:
        return view.getFloat64(at, true);
      default: {
        const value = type === 10 ? view.getBigUint64(at, true) : view.getBigInt64(at, true);
        return Number.isSafeInteger(Number(value)) ? Number(value) : value;
      }
    }
  }

  /** Moves past `length` bytes and returns where they start in what was read. */
  #take(length: number, what: string): number {
    const start = this.at;
    this.#last = start;
    if (start + length > this.source.size) {
      throw this.error(`the file ends at byte ${this.source.size} inside the ${what}: truncated, fetch it again`);
    }
    if (start + length > this.#bytes.length) throw SHORT_READ;
    this.at = start + length;
    return start;
  }
}
