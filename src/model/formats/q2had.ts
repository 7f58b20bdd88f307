/**
 * q2had: q2lut in the basis of rotation.ts. Codes, levels and scales lie as in q2lut; what they stand for is rotated.
 * Its matmul rotates the integers of an activation, exactly, before it makes tables of them.
 */
import type { Format } from "./format.ts";
import { Q2LUT, q2lut } from "./q2lut.ts";
import { ROTATED_COLS, rotate } from "./rotation.ts";

export const q2had: Format = {
  ...q2lut,
  unit: ROTATED_COLS,
  unitBytes: (ROTATED_COLS / 4) * Q2LUT.columnsBytes,
  rotate,
};
