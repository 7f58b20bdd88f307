/**
 * Causal grouped-query attention over one window (Ainslie et al. 2023, arXiv 2305.13245), forwards and backwards. It is
 * computed as matrix products over stripes of queries; a stripe multiplies only the keys up to its own end. qkv is (T,
 * W): queries, keys and values of a token side by side.
 */
import { type CalibrationKernels, columnsAt, rowsAt } from "./kernels.ts";
import type { Shape } from "./shape.ts";

const STRIPE = 96;

/** Bytes from one row of scores to the next: a multiple of four floats. */
const scoreStep = (T: number): number => 16 * Math.ceil(T / 4);

export const scoreBytes = ({ T }: Shape): number => STRIPE * scoreStep(T);

interface Stripe {
  /** Addresses in the first token's row; the next token's is a row of qkv further. */
  readonly query: number;
  readonly key: number;
  readonly value: number;
  /** Offsets of the head's query, key and value in a row of qkv, in bytes. */
  readonly offsets: { readonly query: number; readonly key: number; readonly value: number };
  readonly head: number;
  readonly first: number;
  readonly rows: number;
  /** Number of keys that the last row of the stripe sees. */
  readonly cols: number;
}

function* stripes({ T, H, G, D }: Shape, qkv: number): Generator<Stripe> {
  for (let head = 0; head < H; head++) {
    const group = Math.floor(head / (H / G));
    const offsets = { query: 4 * head * D, key: 4 * (H + group) * D, value: 4 * (H + G + group) * D };
    const [query, key, value] = [qkv + offsets.query, qkv + offsets.key, qkv + offsets.value];
    for (let first = 0; first < T; first += STRIPE) {
      const rows = Math.min(STRIPE, T - first);
      yield { query, key, value, offsets, head, first, rows, cols: first + rows };
    }
  }
}

/** Writes the probabilities of a stripe to `scores`. */
function probabilities(kernels: CalibrationKernels, shape: Shape, stripe: Stripe, scores: number, work: number): void {
  const { T, D, W } = shape;
  const { query, key, first, rows, cols } = stripe;
  const [step, across] = [4 * W, scoreStep(T)];
  kernels.gemm(rows, cols, D, rowsAt(query + first * step, step), rowsAt(key, step), rowsAt(scores, across), work);
  kernels.softmaxCausal(scores, across, rows, cols, first, 1 / Math.sqrt(D));
}

/** mixed (T, H · D) from qkv. */
export function attention(
  kernels: CalibrationKernels,
  shape: Shape,
  qkv: number,
  mixed: number,
  scores: number,
  work: number,
): void {
  const { T, H, D, W } = shape;
  const [step, across, wide] = [4 * W, scoreStep(T), 4 * H * D];
  for (const stripe of stripes(shape, qkv)) {
    const { value, head, first, rows, cols } = stripe;
    probabilities(kernels, shape, stripe, scores, work);
    const out = mixed + first * wide + 4 * head * D;
    kernels.gemm(rows, D, cols, rowsAt(scores, across), columnsAt(value, step), rowsAt(out, wide), work);
  }
}

/** dQkv (T, W) from dMixed (T, H · D); `scores` and `dScores` are scratch. */
export function attentionBackward(
  kernels: CalibrationKernels,
  shape: Shape,
  qkv: number,
  dMixed: number,
  dQkv: number,
  scores: number,
  dScores: number,
  work: number,
): void {
  const { T, H, D, W } = shape;
  const [step, across, wide] = [4 * W, scoreStep(T), 4 * H * D];
  kernels.clear(dQkv, T * step);
  for (const stripe of stripes(shape, qkv)) {
    const { query, key, value, offsets, head, first, rows, cols } = stripe;
    const dOut = dMixed + first * wide + 4 * head * D;
    const [queries, dQueries] = [query + first * step, dQkv + offsets.query + first * step];
    probabilities(kernels, shape, stripe, scores, work);
    kernels.gemmAdd(
      cols,
      D,
      rows,
      columnsAt(scores, across),
      columnsAt(dOut, wide),
      rowsAt(dQkv + offsets.value, step),
      work,
    );
    kernels.gemm(rows, cols, D, rowsAt(dOut, wide), rowsAt(value, step), rowsAt(dScores, across), work);
    kernels.softmaxCausalBackward(scores, dScores, across, rows, cols, first, 1 / Math.sqrt(D));
    kernels.gemm(rows, D, cols, rowsAt(dScores, across), columnsAt(key, step), rowsAt(dQueries, step), work);
    kernels.gemmAdd(
      cols,
      D,
      rows,
      columnsAt(dScores, across),
      columnsAt(queries, step),
      rowsAt(dQkv + offsets.key, step),
      work,
    );
  }
}
