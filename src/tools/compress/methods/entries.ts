/**
 * A codebook with a few bits an entry: centroids move onto equal steps, value = a · entry + b, for the least Σ mass ·
 * move². The search first tries how many steps to leave free at both ends, then fits a and b to the entries found by
 * least squares. For 16 centroids on 64 steps that halves the error of steps from the first centroid to the last.
 */
import type { Codebook } from "./codebook.ts";

/** Centroids on steps. */
interface Stepped {
  /** Rising, 0 … most. */
  readonly entries: Uint8Array;
  readonly a: number;
  readonly b: number;
}

/** Most steps left free at an end. */
const FREE_STEPS = 2;
/** The search tries free steps in quarters: 0, ¼, … 2. */
const PARTS = 4;
/** Rounds of least squares after the search. */
const REFITS = 2;

/** The centroids of `codebook` on steps 0 … `most`. */
export function ontoSteps({ centroids, masses }: Codebook, most: number): Stepped {
  const first = centroids[0]!;
  const span = centroids.at(-1)! - first;
  const entries = new Uint8Array(centroids.length);
  if (span === 0) return { entries, a: 0, b: first };
  let least = Number.POSITIVE_INFINITY;
  let line: Line = { a: 0, b: 0 };
  for (let low = 0; low <= FREE_STEPS * PARTS; low++) {
    for (let high = 0; high <= FREE_STEPS * PARTS; high++) {
      const step = span / (most - (low + high) / PARTS);
      const start = first - (step * low) / PARTS;
      let cost = 0;
      for (let n = 0; n < centroids.length; n++) {
        const move = centroids[n]! - start - step * Math.round((centroids[n]! - start) / step);
        cost += masses[n]! * move * move;
      }
      if (cost < least) {
        least = cost;
        line = { a: step, b: start };
      }
    }
  }
  const round = ({ a, b }: Line): void => {
    for (const [n, c] of centroids.entries()) entries[n] = Math.max(0, Math.min(most, Math.round((c - b) / a)));
  };
  round(line);
  for (let n = 0; n < REFITS; n++) {
    line = leastSquares(entries, centroids, masses);
    round(line);
  }
  return { entries, ...line };
}

/** a · entry + b */
interface Line {
  readonly a: number;
  readonly b: number;
}

/** The line that is nearest to the centroids. */
function leastSquares(entries: Uint8Array, centroids: Float32Array, masses: Float64Array): Line {
  let mass = 0;
  let x = 0;
  let y = 0;
  for (const [n, own] of masses.entries()) {
    mass += own;
    x += own * entries[n]!;
    y += own * centroids[n]!;
  }
  x /= mass;
  y /= mass;
  let across = 0;
  let together = 0;
  for (const [n, own] of masses.entries()) {
    across += own * (entries[n]! - x) ** 2;
    together += own * (entries[n]! - x) * (centroids[n]! - y);
  }
  const a = together / across;
  return { a, b: y - a * x };
}
