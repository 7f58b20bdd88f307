/**
 * How a matrix lies in a pack: what lies on disk is what the kernels map, byte for byte.
 *
 * A matrix is cut into blocks of 16 rows, one after the other and all of the same size; the last is padded with zero
 * rows. So the first rows of a matrix are its first bytes. Matrices that lie end to end and differ only in their
 * number of rows are one matrix. A block holds, each part only if the matrix has it:
 *
 *   tiles      the weights
 *   codebook   of its rows (lut4, lut3, q3had, q2add, q3add) or of the matrix (q2had)
 *
 * Each format's file in formats/ draws its tiles and its codebook.
 *
 * Behind its blocks a matrix may have a table of outliers: what is added to some of its weights. Rows may have as many
 * outliers as they like (outlier-table.ts shares them out). The table has for each 64 rows, one after the other, a
 * u32, the number of its strips, then the strips. A strip is four lanes, each of the same number of outliers:
 *
 *   0    4 × u8       rows of the lanes, of the 64; a row may have several lanes
 *   4    u32          outliers of each lane
 *   8    4 × u32, …   the first of each lane, the second, …: the f16 that is added to the weight in the high half, its
 *                     column in the low; zeros fill up
 *
 * Tables of matrices whose rows come in 64s, lying end to end, are one table.
 */
import { OutriderError } from "./errors.ts";
import { BLOCK_ROWS } from "./formats/format.ts";
import { type BlockFormat, FORMATS, type WeightFormat } from "./formats.ts";

/** Size of a table of outliers. */
interface OutlierTable {
  /** Outliers in it. */
  readonly count: number;
  readonly bytes: number;
}

/** What determines the bytes of a matrix. */
export interface TensorLayout {
  readonly format: WeightFormat;
  readonly rows: number;
  readonly cols: number;
  /** None when absent. */
  readonly outliers?: OutlierTable | undefined;
}

/** Rows whose outliers lie together. */
export const OUTLIER_ROWS = 64;

/** Byte offset of a block's codebook, behind its tiles, and the bytes of the whole. */
export interface BlockParts {
  readonly codebook: number;
  readonly bytes: number;
}

export const paddedRows = (rows: number): number => Math.ceil(rows / BLOCK_ROWS) * BLOCK_ROWS;

/** Where the parts of a block lie. Throws `invalid_shape` when the format cannot hold the columns. */
export function blockParts({ format, cols }: TensorLayout): BlockParts {
  const { unit, unitBytes, codebookBytes, maxCols } = FORMATS[format as BlockFormat];
  if (cols % unit !== 0) throw invalid(`${format} needs columns in multiples of ${unit}, got ${cols}`);
  if (cols > maxCols) throw invalid(`${format} holds at most ${maxCols} columns, got ${cols}`);
  const codebook = (cols / unit) * unitBytes;
  return { codebook, bytes: codebook + codebookBytes };
}

/** Bytes of a matrix without its outliers. Throws `invalid_shape` as `blockParts` does. */
export function denseBytes(shape: TensorLayout): number {
  if (shape.format === "f32") return shape.rows * shape.cols * 4;
  return (paddedRows(shape.rows) / BLOCK_ROWS) * blockParts(shape).bytes;
}

/** Bytes of a matrix. Throws `invalid_shape` as `blockParts` does. */
export const tensorBytes = (shape: TensorLayout): number => denseBytes(shape) + (shape.outliers?.bytes ?? 0);

const invalid = (message: string) => new OutriderError("invalid_shape", message);
