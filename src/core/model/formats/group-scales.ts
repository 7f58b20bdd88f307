/** What q4u and q8 share: numbers of 16 bits for each row and group of 32 columns, behind the codes of each tile. */
import { f16ToNumber, numberToF16 } from "../f16.ts";
import { type BlockRow, type RowShare, TILE_COLS } from "./format.ts";
import { badWeights, type RowParts } from "./parts.ts";

/** Writes part `name` (rows, groups) of a row as f16, at byte `at` of each tile of `tileBytes`. */
export function writeHalves(
  { view, tiles, r, cols }: BlockRow,
  { row, rows, take }: RowParts,
  name: "d" | "m",
  tileBytes: number,
  at: number,
): void {
  const groups = cols / TILE_COLS;
  const values = take(name, rows * groups);
  for (let group = 0; group < groups; group++) {
    const value = values[row * groups + group]!;
    const bits = numberToF16(value);
    if ((bits & 0x7c00) === 0x7c00) {
      throw badWeights(`row ${row}, columns ${TILE_COLS * group}…: ${name} ${value} does not fit a f16`);
    }
    view.setUint16(tiles + group * tileBytes + at + 2 * r, bits, true);
  }
}

/** Reads what `writeHalves` wrote, for the group of column k. Neighbouring columns share the conversion. */
export function readHalf({ view, tiles, r }: BlockRow, tileBytes: number, at: number): (k: number) => number {
  let known = -1;
  let value = 0;
  return (k) => {
    const group = k >> 5;
    if (group !== known) {
      known = group;
      value = f16ToNumber(view.getUint16(tiles + group * tileBytes + at + 2 * r, true));
    }
    return value;
  };
}

/** The 16-bit numbers of each row at bytes `offsets` of each tile. */
export const tileShares = (cols: number, tileBytes: number, offsets: readonly number[]): RowShare[] =>
  Array.from({ length: cols / TILE_COLS }, (_, tile) =>
    offsets.map((at) => ({ at: tile * tileBytes + at, bytes: 2 })),
  ).flat();
