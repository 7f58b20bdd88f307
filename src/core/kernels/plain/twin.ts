/** What a weight format's plain twin tells the plain matmul and embed (plain.ts). */
export type Twin = (view: DataView) => {
  /**
   * Σ_k weight · q of row r, 0 … 15, of a block, before the activation's own scale. `q` has an integer for each column
   * that the block holds.
   */
  rowSum(tiles: number, r: number, q: readonly number[]): number;
  /** The weight in column k, of `cols`, of row r of a dense block. */
  weightAt(tiles: number, r: number, k: number, cols: number): number;
};
