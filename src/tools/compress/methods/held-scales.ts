/**
 * Scales of rows that hold known levels already: a checkpoint that was taught in q2had or q3had does, when it is rotated.
 * They cannot be found from the rows' root mean squares, because each row uses the levels in other shares.
 */

/** Most distance from what a format holds, in parts of the row's largest weight or its size: a rotation and back. */
export const TOLERANCE = 1e-5;

/** The scale of each row by which `values` (rows, cols) are some of `levels`; nothing where some row has none. */
export function heldScales(
  values: Float32Array,
  rows: number,
  cols: number,
  levels: readonly number[],
): Float32Array | undefined {
  const scales = new Float32Array(rows);
  for (let row = 0; row < rows; row++) {
    const own = fewValues(values.subarray(row * cols, (row + 1) * cols), levels.length);
    const scale = own && scaleOf(own, levels);
    if (scale === undefined) return;
    scales[row] = scale;
  }
  return scales;
}

/** The different values of a row, ascending, each the mean of its like; nothing where they are more than `most`. */
function fewValues(line: Float32Array, most: number): number[] | undefined {
  const within = TOLERANCE * line.reduce((largest, value) => Math.max(largest, Math.abs(value)), 0);
  const firsts: number[] = [];
  const sums: number[] = [];
  const counts: number[] = [];
  for (const value of line) {
    let like = 0;
    while (like < firsts.length && Math.abs(firsts[like]! - value) > within) like++;
    if (like === most) return;
    if (like === firsts.length) {
      firsts.push(value);
      sums.push(0);
      counts.push(0);
    }
    sums[like]! += value;
    counts[like]!++;
  }
  return sums.map((sum, like) => sum / counts[like]!).sort((a, b) => a - b);
}

/** The scale by which each of a row's `own` values is one of `levels`. */
function scaleOf(own: readonly number[], levels: readonly number[]): number | undefined {
  const largest = Math.max(...own.map(Math.abs));
  if (largest === 0) return 0;
  const fits = (scale: number) =>
    own.every((value) => levels.some((level) => Math.abs(scale * level - value) <= TOLERANCE * largest));
  return levels.map((level) => largest / Math.abs(level)).find((scale) => Number.isFinite(scale) && fits(scale));
}
