/**
 * q2had: q2lut in the basis of rotation.ts. Codes, levels and scales lie as in q2lut; what they stand for is rotated.
 * Its matmul rotates the integers of an activation, exactly, before it makes tables of them.
 *
 * In that basis weights are distributed normally, in whatever matrix. So all have the same levels, and matrices that
 * are joined share their tables.
 */
import type { Format } from "./format.ts";
import { Q2LUT, q2lut } from "./q2lut.ts";
import { ROTATED_COLS, rotate } from "./rotation.ts";
import { tableBytes } from "./table-bytes.ts";

/**
 * The four that lose least of a normal distribution, as shares of the largest (Max 1960, Quantizing for minimum
 * distortion, table I). Levels fitted to a matrix of Qwen2.5-0.5B lose hardly less (docs/log.md).
 */
export const NORMAL_LEVELS = [-1, -0.2998, 0.2998, 1] as const;

export const q2had: Format = {
  ...q2lut,
  unit: ROTATED_COLS,
  unitBytes: (ROTATED_COLS / 4) * Q2LUT.columnsBytes,
  tableBytes: tableBytes(ROTATED_COLS, 8),
  rotate,
};
