/** The plain twin of a table of outliers, which is drawn in model/layouts.ts. */
import { f16ToNumber } from "../../model/f16.ts";

interface Outlier {
  readonly column: number;
  readonly value: number;
}

/** Calls `add` with each lane of a table for `rows` rows: its row, and its outliers in order. */
export function eachLane(
  view: DataView,
  table: number,
  rows: number,
  add: (row: number, outliers: readonly Outlier[]) => void,
): void {
  let at = table;
  for (let first = 0; first < rows; first += 64) {
    let strips = view.getUint32(at, true);
    for (at += 4; strips > 0; strips--) {
      const count = view.getUint32(at + 4, true);
      for (let lane = 0; lane < 4; lane++) {
        const outliers = Array.from({ length: count }, (_, n) => {
          const entry = at + 8 + (4 * n + lane) * 4;
          return { column: view.getUint16(entry, true), value: f16ToNumber(view.getUint16(entry + 2, true)) };
        });
        add(first + view.getUint8(at + lane), outliers);
      }
      at += 8 + 16 * count;
    }
  }
}
