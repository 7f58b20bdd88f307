/** The parts of quantised weights, as a quantiser yields them and `encodeTensor` (encode.ts) takes them. */
import { OutriderError } from "../errors.ts";

/**
 * What a matrix of `rows` × `cols` is made of. Groups are 32 columns, the last perhaps shorter.
 */
export interface Parts {
  /** (rows, cols): the code of each weight; of the formats with books (books.ts) the first of each four columns counts. */
  readonly codes: ArrayLike<number>;
  /** q4u, q8 (rows, groups): scales, rounded to f16. */
  readonly d?: ArrayLike<number>;
  /** q4u (rows, groups): minima, rounded to f16. */
  readonly m?: ArrayLike<number>;
  /** lut4 (rows, 16), lut3 (rows, 8): entries, 0 … 63. */
  readonly codebooks?: ArrayLike<number>;
  /** lut4, lut3 (rows): a in value = a · entry + b. */
  readonly a?: ArrayLike<number>;
  /** lut4, lut3 (rows): b in value = a · entry + b. */
  readonly b?: ArrayLike<number>;
  /** q2had (4): the values of the codes, before their row's scale. */
  readonly levels?: ArrayLike<number>;
  /**
   * q2had (rows): value = scale · level. q3had (rows): value = scale · (code − 3.5).
   * those with books (rows): value = scale · the sum of the entries.
   */
  readonly scales?: ArrayLike<number>;
}

/** The largest entry of a lut4 or lut3 codebook: six bits. */
export const MOST_ENTRY = 63;

/** The parts of a matrix, for one row of it. */
export interface RowParts {
  /** Index of the row in the matrix. */
  readonly row: number;
  /** Rows of the matrix. */
  readonly rows: number;
  /** The part called `name`, of the whole matrix. Throws `invalid_shape` unless it has `count` numbers. */
  take(name: Exclude<keyof Parts, "codes">, count: number): ArrayLike<number>;
}

/** `value`, or `bad_weights` naming the row and the part where it is not a finite f32. */
export function finite(value: number, name: string, row: number): number {
  if (!Number.isFinite(Math.fround(value))) throw badWeights(`row ${row}: ${name} ${value} is not a finite f32`);
  return value;
}

export const badWeights = (message: string) => new OutriderError("bad_weights", message);
