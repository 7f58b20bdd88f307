/** Rows of a matrix as a matrix of their own, each with every bit that it had (layouts.ts draws where they lie). */
import { CODES } from "./codes.ts";
import { OutriderError } from "./errors.ts";
import { BLOCK_ROWS, type BlockFormat, blockParts, type TensorLayout, TILE_BYTES, tensorBytes } from "./layouts.ts";

/** What a row has in a block beside its codes: from where on row 0 has it, and how many bytes a row. */
interface Share {
  readonly at: number;
  readonly bytes: number;
}

const ofTiles = (cols: number, tileBytes: number, places: readonly number[]): Share[] =>
  Array.from({ length: cols / 32 }, (_, tile) => places.map((at) => ({ at: tile * tileBytes + at, bytes: 2 }))).flat();

const ofCodebook = (codebook: number, entries: number): Share[] => {
  const lines = codebook + BLOCK_ROWS * entries;
  return [
    { at: codebook, bytes: entries },
    { at: lines, bytes: 4 },
    { at: lines + 4 * BLOCK_ROWS, bytes: 4 },
  ];
};

const SHARES: { readonly [F in BlockFormat]: (cols: number, codebook: number) => readonly Share[] } = {
  q4u: (cols) => ofTiles(cols, TILE_BYTES.q4u, [256, 288]),
  q8: (cols) => ofTiles(cols, TILE_BYTES.q8, [512, 544]),
  lut4: (_, codebook) => ofCodebook(codebook, 16),
  lut3: (_, codebook) => ofCodebook(codebook, 8),
  // Scales; the levels before them are the matrix's.
  q2lut: (_, codebook) => [{ at: codebook + 16, bytes: 4 }],
};

/**
 * The bytes of `picked` rows, in that order, of a dense tensor without outliers; layout as before but for their number.
 * Throws `invalid_shape` for a sparse one, whose 16 rows share their columns.
 */
export function pickRows(layout: TensorLayout, bytes: Uint8Array, picked: readonly number[]): Uint8Array {
  const { format, cols, keep = 16, outliers } = layout;
  if (keep !== 16 || outliers) {
    throw new OutriderError("invalid_shape", "rows of a sparse matrix cannot be picked; pick them before it is pruned");
  }
  const out = new Uint8Array(tensorBytes({ ...layout, rows: picked.length }));
  if (format === "f32") {
    for (const [n, row] of picked.entries())
      out.set(bytes.subarray(row * cols * 4, (row + 1) * cols * 4), n * cols * 4);
    return out;
  }
  const parts = blockParts(layout);
  const shares = SHARES[format](cols, parts.codebook);
  const { read, write } = CODES[format];
  for (const [n, row] of picked.entries()) {
    const [from, r] = place(row, parts.bytes);
    const [to, s] = place(n, parts.bytes);
    // What no row has alone.
    if (format === "q2lut" && s === 0)
      out.set(bytes.subarray(parts.codebook, parts.codebook + 16), to + parts.codebook);
    for (let k = 0; k < cols; k++) write(out, to, s, k, cols, read(bytes, from, r, k, cols));
    for (const { at, bytes: size } of shares) {
      const start = from + at + r * size;
      out.set(bytes.subarray(start, start + size), to + at + s * size);
    }
  }
  return out;
}

/** First byte of a row's block, and its place among the block's rows. */
const place = (row: number, blockBytes: number): [number, number] => [
  Math.floor(row / BLOCK_ROWS) * blockBytes,
  row % BLOCK_ROWS,
];
