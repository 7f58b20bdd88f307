/**
 * Vector-wise sparsity: the 16 rows of a block keep the same `keep` of every 16 columns, those of the largest norm
 * over the rows. The form of N:M sparsity (Castro et al. 2023, VENOM, arXiv 2310.02065) that 128-bit instructions
 * multiply as fast as dense blocks of the same size.
 */
import { BLOCK_ROWS } from "../../../core/model/formats/format.ts";
import { type Keep, paddedRows, WINDOW } from "../../../core/model/layouts.ts";

const KEEPS: readonly Keep[] = [4, 8, 12, 16];

/**
 * The columns that each block of `values` (rows, cols) keeps, as rising indices in their window: (blocks, cols / 16,
 * keep). Among equals the lower column.
 */
export function keptColumnsByNorm(
  values: Float32Array | Float64Array,
  rows: number,
  cols: number,
  keep: Keep,
): Uint8Array {
  const blocks = paddedRows(rows) / BLOCK_ROWS;
  const windows = cols / WINDOW;
  const kept = new Uint8Array(blocks * windows * keep);
  for (let block = 0; block < blocks; block++) {
    const last = Math.min(rows, (block + 1) * BLOCK_ROWS);
    for (let window = 0; window < windows; window++) {
      const norms = Array.from({ length: WINDOW }, (_, index) => {
        let squares = 0;
        for (let row = block * BLOCK_ROWS; row < last; row++) {
          squares += values[row * cols + window * WINDOW + index]! ** 2;
        }
        return squares;
      });
      const largest = norms.map((_, index) => index).sort((x, y) => norms[y]! - norms[x]! || x - y);
      kept.set(
        largest.slice(0, keep).sort((x, y) => x - y),
        (block * windows + window) * keep,
      );
    }
  }
  return kept;
}

/**
 * The least `keep` whose blocks hold all nonzero `values` (rows, cols); 16 where a window has more than 12 such
 * columns.
 */
export function keepOf(values: Float32Array, rows: number, cols: number): Keep {
  let most = 0;
  for (let block = 0; block < rows; block += BLOCK_ROWS) {
    for (let window = 0; window < cols; window += WINDOW) {
      let used = 0;
      for (let col = window; col < Math.min(cols, window + WINDOW); col++) {
        let row = block;
        const last = Math.min(rows, block + BLOCK_ROWS);
        while (row < last && values[row * cols + col] === 0) row++;
        if (row < last) used++;
      }
      most = Math.max(most, used);
    }
  }
  return KEEPS.find((keep) => most <= keep)!;
}

/** The kept columns of `values` (rows, cols): (rows, cols · keep / 16). `kept` is what `keptColumnsByNorm` returns. */
export function takeColumns(
  values: Float32Array,
  rows: number,
  cols: number,
  kept: Uint8Array,
  keep: Keep,
): Float32Array {
  const own = (cols / WINDOW) * keep;
  return Float32Array.from({ length: rows * own }, (_, at) => {
    const row = Math.floor(at / own);
    const k = at % own;
    const index = kept[Math.floor(row / BLOCK_ROWS) * own + k]!;
    return values[row * cols + Math.floor(k / keep) * WINDOW + index]!;
  });
}
