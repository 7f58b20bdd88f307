/**
 * Causal grouped-query attention over one window (Ainslie et al. 2023, arXiv 2305.13245), forwards and backwards, as
 * matrix products over stripes of queries: a stripe only meets the keys before its end. qkv is (T, W), queries, keys
 * and values of a token side by side.
 */
import type { CalibrationKernels } from "./kernels.ts";
import type { Shape } from "./shape.ts";

const STRIPE = 96;

/** Bytes from one row of scores to the next: a multiple of four floats. */
const scoreStep = (T: number): number => 16 * Math.ceil(T / 4);

export const scoreBytes = ({ T }: Shape): number => STRIPE * scoreStep(T);

interface Stripe {
  /** Addresses of the head's first rows; a token further is `step` bytes. */
  readonly query: number;
  readonly key: number;
  readonly value: number;
  /** Bytes from a token's qkv to this head's query, key and value. */
  readonly places: { readonly query: number; readonly key: number; readonly value: number };
  readonly head: number;
  readonly first: number;
  readonly rows: number;
  /** Keys that the last row sees. */
  readonly cols: number;
}

function* stripes({ T, H, G, D }: Shape, qkv: number): Generator<Stripe> {
  for (let head = 0; head < H; head++) {
    const group = Math.floor(head / (H / G));
    const places = { query: 4 * head * D, key: 4 * (H + group) * D, value: 4 * (H + G + group) * D };
    const [query, key, value] = [qkv + places.query, qkv + places.key, qkv + places.value];
    for (let first = 0; first < T; first += STRIPE) {
      const rows = Math.min(STRIPE, T - first);
      yield { query, key, value, places, head, first, rows, cols: first + rows };
    }
  }
}

/** The stripe's probabilities into `scores`. */
function probabilities(kernels: CalibrationKernels, shape: Shape, stripe: Stripe, scores: number, work: number): void {
  const { T, D, W } = shape;
  const { query, key, first, rows, cols } = stripe;
  const [step, across] = [4 * W, scoreStep(T)];
  kernels.gemm(rows, cols, D, query + first * step, step, 4, key, step, 4, scores, across, 0, work);
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
    kernels.gemm(rows, D, cols, scores, across, 4, value, 4, step, out, wide, 0, work);
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
    const { query, key, value, places, head, first, rows, cols } = stripe;
    const dOut = dMixed + first * wide + 4 * head * D;
    const [queries, dQueries] = [query + first * step, dQkv + places.query + first * step];
    probabilities(kernels, shape, stripe, scores, work);
    kernels.gemm(cols, D, rows, scores, 4, across, dOut, 4, wide, dQkv + places.value, step, 1, work);
    kernels.gemm(rows, cols, D, dOut, wide, 4, value, step, 4, dScores, across, 0, work);
    kernels.softmaxCausalBackward(scores, dScores, across, rows, cols, first, 1 / Math.sqrt(D));
    kernels.gemm(rows, D, cols, dScores, across, 4, key, 4, step, dQueries, step, 0, work);
    kernels.gemm(cols, D, rows, dScores, 4, across, queries, 4, step, dQkv + places.key, step, 1, work);
  }
}
