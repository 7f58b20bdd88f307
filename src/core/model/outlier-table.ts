/**
 * Tables of outliers (drawn in layouts.ts): SELL-C-σ of four lanes, whose rows are sorted by their number of entries
 * within slices of 64 (Kreutzer et al. 2014, "A unified sparse matrix data format for efficient general sparse
 * matrix-vector multiplication on modern processors with wide SIMD units", arXiv 1307.6209). Where one row has far
 * more than the others, its outliers are cut into several lanes.
 */
import { OutriderError } from "./errors.ts";
import { f16ToNumber, numberToF16 } from "./f16.ts";
import { OUTLIER_ROWS, type TensorLayout } from "./layouts.ts";

/** The outliers of a matrix, row by row: values that are added to its weights. */
export interface Outliers {
  /** (rows + 1): index of the first outlier of each row, and the number of all. */
  readonly starts: ArrayLike<number>;
  readonly columns: ArrayLike<number>;
  /** Rounded to f16. */
  readonly values: ArrayLike<number>;
}

const LANES = 4;
/** Fixed cost of a strip, in outliers. */
const STRIP_COST = 4;
const MOST_COLUMNS = 65536;

/** Neighbouring outliers of one row: the content of a lane. */
interface Run {
  readonly row: number;
  readonly start: number;
  readonly count: number;
}

/**
 * A matrix with outliers on top of `dense`, which has none. Throws `invalid_shape` where columns are too many to be
 * named in 16 bits, `bad_weights` naming row and column of an outlier that is none of the matrix or fits no f16.
 */
export function withOutliers<Tensor extends TensorLayout & { readonly bytes: Uint8Array }>(
  dense: Tensor,
  outliers: Outliers,
): Tensor {
  const { rows, cols } = dense;
  if (cols > MOST_COLUMNS) {
    throw new OutriderError("invalid_shape", `outliers need at most ${MOST_COLUMNS} columns, got ${cols}`);
  }
  const words: number[] = [];
  for (let first = 0; first < rows; first += OUTLIER_ROWS) {
    const strips = stripsOf(outliers.starts, first, Math.min(rows, first + OUTLIER_ROWS));
    words.push(strips.length);
    for (const strip of strips) writeStrip(words, strip, first, cols, outliers);
  }
  const table = new Uint8Array(4 * words.length);
  const view = new DataView(table.buffer);
  for (const [n, word] of words.entries()) view.setUint32(4 * n, word, true);
  const bytes = new Uint8Array(dense.bytes.length + table.length);
  bytes.set(dense.bytes);
  bytes.set(table, dense.bytes.length);
  return { ...dense, outliers: { count: outliers.starts[rows]!, bytes: table.length }, bytes };
}

/** The strips of rows `first` … `end` − 1, with the limit on the length of a run that makes them cheapest. */
function stripsOf(starts: ArrayLike<number>, first: number, end: number): Run[][] {
  let longest = 0;
  for (let row = first; row < end; row++) longest = Math.max(longest, starts[row + 1]! - starts[row]!);
  let best: Run[][] = [];
  let least = Number.POSITIVE_INFINITY;
  for (let most = longest; most > 0; most = Math.floor(most / 2)) {
    const runs = runsOf(starts, first, end, most);
    const strips = Array.from({ length: Math.ceil(runs.length / LANES) }, (_, n) =>
      runs.slice(LANES * n, LANES * (n + 1)),
    );
    const cost = strips.reduce((sum, [run]) => sum + STRIP_COST + LANES * run!.count, 0);
    if (cost < least) {
      best = strips;
      least = cost;
    }
  }
  return best;
}

/** All outliers of the rows in runs of at most `most`, those of a row about equally long; the longest run first. */
function runsOf(starts: ArrayLike<number>, first: number, end: number, most: number): Run[] {
  const runs: Run[] = [];
  for (let row = first; row < end; row++) {
    const start = starts[row]!;
    const count = starts[row + 1]! - start;
    const pieces = Math.ceil(count / most);
    for (let n = 0; n < pieces; n++) {
      const from = Math.floor((n * count) / pieces);
      runs.push({ row, start: start + from, count: Math.floor(((n + 1) * count) / pieces) - from });
    }
  }
  return runs.sort((x, y) => y.count - x.count);
}

function writeStrip(words: number[], strip: readonly Run[], first: number, cols: number, outliers: Outliers): void {
  const lanes = Array.from({ length: LANES }, (_, lane) => strip[lane] ?? { ...strip[0]!, count: 0 });
  words.push(
    lanes.reduce((word, { row }, lane) => word + (row - first) * 2 ** (8 * lane), 0),
    strip[0]!.count,
  );
  for (let n = 0; n < strip[0]!.count; n++) {
    for (const { row, start, count } of lanes) words.push(n < count ? wordOf(outliers, row, start + n, cols) : 0);
  }
}

function wordOf({ columns, values }: Outliers, row: number, at: number, cols: number): number {
  const column = columns[at]!;
  const value = values[at]!;
  if (!Number.isInteger(column) || column < 0 || column >= cols) {
    throw bad(`row ${row}: outlier in column ${column} of ${cols}`);
  }
  const bits = numberToF16(value);
  if ((bits & 0x7c00) === 0x7c00) throw bad(`row ${row}, column ${column}: outlier ${value} does not fit a f16`);
  return bits * 65536 + column;
}

/** Calls `take` with every entry of a table for `rows` rows; padding comes as zeros in column 0. */
export function eachOutlier(
  table: Uint8Array,
  rows: number,
  take: (row: number, column: number, value: number) => void,
): void {
  const view = new DataView(table.buffer, table.byteOffset, table.byteLength);
  let at = 0;
  for (let first = 0; first < rows; first += OUTLIER_ROWS) {
    const strips = view.getUint32(at, true);
    at += 4;
    for (let strip = 0; strip < strips; strip++) {
      const lanes = at;
      const count = view.getUint32(at + 4, true);
      at += 8;
      for (let n = 0; n < LANES * count; n++, at += 4) {
        const row = first + view.getUint8(lanes + (n % LANES));
        take(row, view.getUint16(at, true), f16ToNumber(view.getUint16(at + 2, true)));
      }
    }
  }
}

const bad = (message: string) => new OutriderError("bad_weights", message);
