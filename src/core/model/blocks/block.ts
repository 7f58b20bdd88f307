/** What the table of block types (blocks.ts) holds for each. */
export interface BlockLayout {
  /** ggml's number of the type, as files store it. */
  readonly id: number;
  /** Values in one block. */
  readonly values: number;
  /** Bytes of one block. */
  readonly bytes: number;
  /** Writes the values of the block at byte `at` to `out` from `n` on, rounded once to f32. */
  readonly read: (view: DataView, at: number, out: Float32Array, n: number) => void;
}
