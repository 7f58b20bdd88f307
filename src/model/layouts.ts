/**
 * The weight formats of a pack: what lies on disk is what the kernels map, byte for byte.
 *
 * A matrix is cut into blocks of 16 rows, one after the other and all of the same size; the last is padded with zero
 * rows. So the first rows of a matrix are its first bytes, and matrices of one shape but for their rows, lying end to end,
 * are one matrix. A block holds, each part only if the matrix has it:
 *
 *   index      which columns the block keeps (`keep` < 16)
 *   tiles      the weights of the kept columns
 *   codebook   of its rows (lut4, lut3) or of the matrix (q2lut)
 *
 * Behind its blocks a matrix may have a table of outliers: what is added to some of its weights.
 *
 * Tiles of q4u and q8 are all of a block's rows × 32 columns, along the columns. With r a row and k a column of the tile:
 *
 *   q4u   320 bytes   value = nibble · d[r] + m[r]
 *         0    nibbles  byte (k >> 3) · 64 + r · 4 + (k & 3); low half for (k & 7) < 4, high half for the rest
 *         256  d        16 × f16
 *         288  m        16 × f16
 *
 *   q8    576 bytes   value = byte · d[r]
 *         0    int8     byte (k >> 2) · 64 + r · 4 + (k & 3)
 *         512  d        16 × f16
 *         544  Σ byte   16 × int16, over the tile's columns
 *
 * So one 32-bit lane of a 128-bit load holds four neighbouring columns of one row: the shape of
 * `i32x4.relaxed_dot_i8x16_i7x16_add_s`. GGUF's Q4_0 and Q4_1 map onto q4u and Q8_0 onto q8 without touching a value
 * (Q4_0 has m = −8·d, exact in f16).
 *
 *   lut4  64 bytes for 2 rows × 64 columns   value = a[row] · codebook[row][nibble] + b[row]
 *         0    row 0    byte j of the first 16: column j low, column 16 + j high; of the next 16: 32 + j low, 48 + j high
 *         32   row 1
 *         tiles: all of rows 0 and 1 along the columns, then of 2 and 3, …
 *         codebook of a block: 16 rows × 16 bytes of 0 … 63, then 16 × f32 a, 16 × f32 b
 *
 *   lut3  48 bytes for 2 rows × 64 columns   value = a[row] · codebook[row][code] + b[row], code of 3 bits
 *         0    row 0    byte j: bits 0 … 2 column j, bits 3 … 5 column 16 + j, bits 6 and 7 the low bits of column 48 + j
 *         16   row 1
 *         32   both     byte j: bits 0 … 2 column 32 + j of row 0, bits 3 … 5 of row 1, bit 6 the high bit of column 48 + j
 *                       of row 0, bit 7 of row 1
 *         tiles as lut4's; codebook of a block: 16 rows × 8 bytes of 0 … 63, then 16 × f32 a, 16 × f32 b
 *
 * Entries of codebooks have six bits, a step of a 63rd of the row's span: with them two products of bytes fit 16 bits twice
 * over, which is what a CPU without an int8 dot product needs.
 *
 *   q2lut 16 bytes for 16 rows × 4 columns   value = scale[row] · level[code], code of 2 bits
 *         byte 2i: row i, byte 2i + 1: row 8 + i; columns k, k + 1 in the low half (code k | code k+1 << 2), columns k + 2,
 *         k + 3 in the high half
 *         codebook of a block: 4 × f32 level, then 16 × f32 scale; where levels change, tables are made anew
 *
 * Rows may have as many outliers as they like (outlier-table.ts shares them out). The table has for each 64 rows, one after the
 * other, a u32, the number of its strips, and these. A strip is four lanes, so many outliers long:
 *
 *   0    4 × u8       rows of the lanes, of the 64; a row may have several lanes
 *   4    u32          outliers of each lane
 *   8    4 × u32, …   the first of each lane, the second, …: the f16 that is added to the weight in the high half, its
 *                     column in the low; zeros fill up
 *
 * Tables of matrices whose rows come in 64s, lying end to end, are one table.
 *
 *   f32   4 bytes a value, row by row, no blocks (norms)
 */
import { OutriderError } from "./errors.ts";

export type WeightFormat = "f32" | "q4u" | "q8" | "lut4" | "lut3" | "q2lut";
/** Bits in which a matmul reads its activations. q8 weights are always multiplied by 14. */
export type ActivationBits = 8 | 14;

export type BlockFormat = Exclude<WeightFormat, "f32">;

/** Of each 16 columns, how many the 16 rows of a block keep; 16 is a dense matrix. */
export type Keep = 4 | 8 | 12 | 16;

/** A table of outliers. */
export interface OutlierTable {
  /** Outliers in it. */ readonly count: number;
  readonly bytes: number;
}

/** What determines the bytes of a matrix. */
export interface TensorLayout {
  readonly format: WeightFormat;
  readonly rows: number;
  readonly cols: number;
  /** 16 when absent. */ readonly keep?: Keep | undefined;
  /** None when absent. */ readonly outliers?: OutlierTable | undefined;
}

export const BLOCK_ROWS = 16;
/** Rows whose outliers lie together. */
export const OUTLIER_ROWS = 64;
/** Columns of a q4u or q8 tile, and of a quantisation group. */
export const TILE_COLS = 32;
export const TILE_BYTES = { q4u: 320, q8: 576 } as const;
/** Columns among which a sparse block keeps some. */
export const WINDOW = 16;

interface FormatFacts {
  /** Kept columns come in multiples of it. */ readonly unit: number;
  /** Bytes of 16 rows × `unit` columns. */ readonly unitBytes: number;
  readonly codebookBytes: number;
  /** Most columns whose integer dot product fits 32 bits. */ readonly maxCols: number;
  /** Whether columns may be left out. */ readonly sparse: boolean;
}

/** One row a format. */
export const FORMATS: { readonly [F in BlockFormat]: FormatFacts } = {
  q4u: { unit: 32, unitBytes: TILE_BYTES.q4u, codebookBytes: 0, maxCols: Number.POSITIVE_INFINITY, sparse: true },
  q8: { unit: 32, unitBytes: TILE_BYTES.q8, codebookBytes: 0, maxCols: Number.POSITIVE_INFINITY, sparse: true },
  lut4: { unit: 64, unitBytes: 512, codebookBytes: 16 * 16 + 128, maxCols: 16384, sparse: true },
  lut3: { unit: 64, unitBytes: 384, codebookBytes: 16 * 8 + 128, maxCols: 16384, sparse: true },
  q2lut: { unit: 32, unitBytes: 128, codebookBytes: 16 + 64, maxCols: Number.POSITIVE_INFINITY, sparse: false },
};

/** Byte offsets of the parts of a block, and the bytes of the whole. */
export interface BlockParts {
  readonly tiles: number;
  readonly codebook: number;
  readonly bytes: number;
}

export const paddedRows = (rows: number): number => Math.ceil(rows / BLOCK_ROWS) * BLOCK_ROWS;

/** Columns that the tiles of a block hold: those that are kept, up to a multiple of the format's unit. */
export function keptColumns({ format, cols, keep = 16 }: TensorLayout): number {
  const { unit } = FORMATS[format as BlockFormat];
  return Math.ceil(((cols / WINDOW) * keep) / unit) * unit;
}

/** Where the parts of a block lie. Throws `invalid_shape` when the format cannot hold the columns or leave some out. */
export function blockParts(shape: TensorLayout): BlockParts {
  const { format, cols, keep = 16 } = shape;
  const facts = FORMATS[format as BlockFormat];
  const unit = keep === 16 ? facts.unit : 32;
  if (cols % unit !== 0) throw invalid(`${format} needs columns in multiples of ${unit}, got ${cols}`);
  if (keptColumns(shape) > facts.maxCols)
    throw invalid(`${format} holds at most ${facts.maxCols} columns, got ${cols}`);
  if (keep !== 16 && !facts.sparse) throw invalid(`${format} cannot leave out columns; use keep 16`);
  const tiles = keep === 16 ? 0 : align16((cols / WINDOW) * keep);
  const codebook = tiles + (keptColumns(shape) / facts.unit) * facts.unitBytes;
  return { tiles, codebook, bytes: codebook + facts.codebookBytes };
}

/** Bytes of a matrix without its outliers. Throws `invalid_shape` as `blockParts` does. */
export function denseBytes(shape: TensorLayout): number {
  if (shape.format === "f32") return shape.rows * shape.cols * 4;
  return (paddedRows(shape.rows) / BLOCK_ROWS) * blockParts(shape).bytes;
}

/** Bytes of a matrix. Throws `invalid_shape` as `blockParts` does. */
export const tensorBytes = (shape: TensorLayout): number => denseBytes(shape) + (shape.outliers?.bytes ?? 0);

const align16 = (bytes: number): number => Math.ceil(bytes / 16) * 16;

const invalid = (message: string) => new OutriderError("invalid_shape", message);
