/**
 * q2had: q2lut in the basis of turn.ts. Codes, levels and scales lie as in q2lut; what they stand for is turned. Its
 * matmul turns the integers of an activation, exactly, before it makes tables of them.
 */
import type { Format } from "./format.ts";
import { Q2LUT, q2lut } from "./q2lut.ts";
import { TURNED_COLS, turn } from "./turn.ts";

export const q2had: Format = {
  ...q2lut,
  unit: TURNED_COLS,
  unitBytes: (TURNED_COLS / 4) * Q2LUT.columnsBytes,
  turn,
};
