// q2lut in another basis (src/core/model/formats/rotation.ts).
import { rotate } from "../lib/rotation";
import { Rotated } from "../lib/tables";
import { byTables } from "./by-tables";
import { embedQ2lut, Levels } from "./q2lut";

export function matmulQ2had(
  act: usize,
  T: i32,
  weight: usize,
  blockBytes: i32,
  rows: i32,
  cols: i32,
  _keep: i32,
  _bits: i32,
  out: usize,
  outStride: i32,
  accumulate: i32,
  scratch: usize,
): void {
  byTables<Levels<Rotated>, Rotated>(act, T, weight, blockBytes, rows, cols, out, outStride, accumulate, scratch);
}

// A row as f32.
export function embedQ2had(weight: usize, blockBytes: i32, row: i32, cols: i32, out: usize): void {
  embedQ2lut(weight, blockBytes, row, cols, out);
  rotate(out, cols);
}
