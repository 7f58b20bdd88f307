/**
 * What a weight format is: the size of its blocks, and how one row of a block is written, read and moved. A block
 * holds 16 rows of a matrix (layouts.ts draws the parts of a block); each format's file draws what is its own.
 */
import type { RowParts } from "./parts.ts";

export const BLOCK_ROWS = 16;
/** Columns of a quantisation group, and of a tile of q4u and q8. */
export const TILE_COLS = 32;

/** Bits in which a matmul reads its activations. */
export type ActivationBits = 8 | 14;

/** Where the codes of weights lie: row r, 0 … 15, and column k of `cols`. */
export interface Codes {
  /** The smallest code. */
  readonly least: number;
  /** The largest code. */
  readonly most: number;
  /** @param at first byte of the tiles */
  read(bytes: Uint8Array, at: number, r: number, k: number, cols: number): number;
  /**
   * Writes a code onto zero bytes.
   * @param at first byte of the tiles
   */
  write(bytes: Uint8Array, at: number, r: number, k: number, cols: number, code: number): void;
}

/** One row of a block. */
export interface BlockRow {
  /** All bytes of the tensor. */
  readonly view: DataView;
  /** First byte of the block's tiles. */
  readonly tiles: number;
  /** First byte of the block's codebook. */
  readonly codebook: number;
  /** Index of the row in the block, 0 … 15. */
  readonly r: number;
  /** Columns of the matrix. */
  readonly cols: number;
}

/**
 * Bytes of a block that belong to one row: row r has those from `at` + r · `bytes` on, counted from the block's first.
 */
export interface RowShare {
  readonly at: number;
  readonly bytes: number;
}

export interface Format {
  /** Columns come in multiples of this. */
  readonly unit: number;
  /** Bytes of 16 rows × `unit` columns. */
  readonly unitBytes: number;
  readonly codebookBytes: number;
  /** Bytes at the start of a codebook that belong to the whole matrix; the rest belongs to the rows. */
  readonly sharedBytes: number;
  /** Most columns whose integer dot product fits 32 bits. */
  readonly maxCols: number;
  /**
   * Bits in which its matmul reads activations whatever the caller asks for; absent where the caller's choice counts.
   */
  readonly activationBits?: ActivationBits;
  /**
   * Bytes of the tables that its matmul makes of one vector of `cols` activations, whose entries stand for products;
   * absent where the matmul multiplies.
   */
  readonly tableBytes?: (cols: number) => number;
  readonly codes: Codes;
  /**
   * Writes what a row has beside its codes, which are written before. Throws `invalid_shape` or `bad_weights` as
   * `encodeTensor` does.
   */
  writeRow(to: BlockRow, parts: RowParts): void;
  /** Takes a row from the basis in which its codes stand to the model's own, and back; absent where they are one. */
  readonly rotate?: (row: Float32Array) => void;
  /** The f32 value of a code in column k of a row. */
  valuesOf(row: BlockRow): (code: number, k: number) => number;
  /**
   * What each row has beside its codes, in a block of `cols` columns whose codebook starts at byte `codebook`.
   */
  rowShares(cols: number, codebook: number): readonly RowShare[];
}

/** Codes of `width` bits, each within one byte. */
export const codesInOneByte = (
  width: number,
  byteOf: (r: number, k: number, cols: number) => number,
  shiftOf: (k: number) => number,
): Codes => ({
  least: 0,
  most: (1 << width) - 1,
  read: (bytes, at, r, k, cols) => (bytes[at + byteOf(r, k, cols)]! >> shiftOf(k)) & ((1 << width) - 1),
  write(bytes, at, r, k, cols, code) {
    bytes[at + byteOf(r, k, cols)]! |= code << shiftOf(k);
  },
});
