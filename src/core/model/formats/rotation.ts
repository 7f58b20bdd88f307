/**
 * Rows in another basis: each 64 columns times Sylvester's Hadamard matrix over 8, which is symmetric and its own
 * inverse. Few columns of a weight, and of what it multiplies, are much larger than the others. In this basis they are
 * shared out, so values of two bits lose less (Chee et al. 2023, arXiv 2307.13304, §4; in blocks as in Ashkboos et al.
 * 2024, arXiv 2404.00456). Both factors of a product are rotated, which leaves the product as it is.
 */

/** Columns that are rotated together. */
export const ROTATED_COLS = 64;

/** Rotates `row`, whose length is a multiple of 64, in place. Sums are rounded to f32 as in wasm/lib/rotation.ts. */
export function rotate(row: Float32Array): void {
  for (let width = 1; width < ROTATED_COLS; width *= 2) {
    for (let from = 0; from < row.length; from += 2 * width) {
      for (let k = from; k < from + width; k++) {
        const a = row[k]!;
        const b = row[k + width]!;
        row[k] = a + b;
        row[k + width] = a - b;
      }
    }
  }
  // The square root of 64.
  for (let k = 0; k < row.length; k++) row[k]! /= 8;
}
