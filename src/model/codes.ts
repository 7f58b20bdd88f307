/**
 * Where the code of a weight lies in a block (drawn in layouts.ts): row r, 0 … 15, and column k of the `kept` columns that
 * its tiles hold. `at` is the first byte of the tiles.
 */
import type { BlockFormat } from "./layouts.ts";

export interface CodePlace {
  /** Codes are least … most. */ readonly least: number;
  readonly most: number;
  read(bytes: Uint8Array, at: number, r: number, k: number, kept: number): number;
  /** Onto zero bytes. */
  write(bytes: Uint8Array, at: number, r: number, k: number, kept: number, code: number): void;
}

/** Codes of `width` bits that lie in one byte each. */
const inOneByte = (
  width: number,
  byteOf: (r: number, k: number, kept: number) => number,
  shiftOf: (k: number) => number,
): CodePlace => ({
  least: 0,
  most: (1 << width) - 1,
  read: (bytes, at, r, k, kept) => (bytes[at + byteOf(r, k, kept)]! >> shiftOf(k)) & ((1 << width) - 1),
  write(bytes, at, r, k, kept, code) {
    bytes[at + byteOf(r, k, kept)]! |= code << shiftOf(k);
  },
});

/** Byte of a weight in q8 tiles. */
const q8Byte = (r: number, k: number): number => (k >> 5) * 576 + ((k & 31) >> 2) * 64 + r * 4 + (k & 3);

/** Byte of a column, and of those 16, 32 and 48 after it, in the first row of a lut3 pair. */
const lut3Pair = (r: number, k: number, kept: number): number => ((r >> 1) * (kept / 64) + (k >> 6)) * 48 + (k & 15);

export const CODES: { readonly [F in BlockFormat]: CodePlace } = {
  q4u: inOneByte(
    4,
    (r, k) => (k >> 5) * 320 + ((k & 31) >> 3) * 64 + r * 4 + (k & 3),
    (k) => k & 4,
  ),
  q8: {
    least: -128,
    most: 127,
    read: (bytes, at, r, k) => (bytes[at + q8Byte(r, k)]! << 24) >> 24,
    write(bytes, at, r, k, _kept, code) {
      bytes[at + q8Byte(r, k)] = code;
    },
  },
  lut4: inOneByte(
    4,
    (r, k, kept) => ((r >> 1) * (kept / 64) + (k >> 6)) * 64 + 32 * (r & 1) + 16 * ((k & 63) >> 5) + (k & 15),
    (k) => (k & 16) >> 2,
  ),
  lut3: {
    least: 0,
    most: 7,
    read(bytes, at, r, k, kept) {
      const pair = at + lut3Pair(r, k, kept);
      const [own, both] = [bytes[pair + 16 * (r & 1)]!, bytes[pair + 32]!];
      const quarter = (k & 63) >> 4;
      if (quarter < 2) return (own >> (3 * quarter)) & 7;
      return quarter === 2 ? (both >> (3 * (r & 1))) & 7 : (own >> 6) | (((both >> (6 + (r & 1))) & 1) << 2);
    },
    write(bytes, at, r, k, kept, code) {
      const pair = at + lut3Pair(r, k, kept);
      const own = pair + 16 * (r & 1);
      const quarter = (k & 63) >> 4;
      if (quarter < 2) bytes[own]! |= code << (3 * quarter);
      else if (quarter === 2) bytes[pair + 32]! |= code << (3 * (r & 1));
      else {
        bytes[own]! |= (code & 3) << 6;
        bytes[pair + 32]! |= (code >> 2) << (6 + (r & 1));
      }
    },
  },
  q2lut: inOneByte(
    2,
    (r, k) => (k >> 2) * 16 + 2 * (r & 7) + (r >> 3),
    (k) => 2 * (k & 3),
  ),
};
