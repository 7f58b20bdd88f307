/**
 * A codebook of a few bits an entry: centroids are moved onto equal steps, value = a · entry + b, for the least sum of masses
 * times squared moves. Where steps lie is searched: first over how many of them to leave free at both ends, then by least
 * squares for the entries found. For 16 centroids on 64 steps that halves what moving costs, against steps from the first
 * centroid to the last.
 */
import type { Codebook } from "./codebook.ts";

/** Centroids on steps. */
export interface Stepped {
  /** Rising, 0 … most. */
  readonly entries: Uint8Array;
  readonly a: number;
  readonly b: number;
}

/** Steps left free at an end, in parts of one: 0, ¼, … 2. */
const FREE_STEPS = 2;
const PARTS = 4;
const REFITS = 2;

/** The centroids of `codebook` on steps 0 … `most`. */
export function ontoSteps({ centroids, masses }: Codebook, most: number): Stepped {
  const [first, span] = [centroids[0]!, centroids.at(-1)! - centroids[0]!];
  const entries = new Uint8Array(centroids.length);
  if (span === 0) return { entries, a: 0, b: first };
  let [least, a, b] = [Number.POSITIVE_INFINITY, 0, 0];
  for (let low = 0; low <= FREE_STEPS * PARTS; low++) {
    for (let high = 0; high <= FREE_STEPS * PARTS; high++) {
      const step = span / (most - (low + high) / PARTS);
      const start = first - (step * low) / PARTS;
      let cost = 0;
      for (let n = 0; n < centroids.length; n++) {
        const move = centroids[n]! - start - step * Math.round((centroids[n]! - start) / step);
        cost += masses[n]! * move * move;
      }
      if (cost < least) [least, a, b] = [cost, step, start];
    }
  }
  const place = (): void => {
    for (const [n, c] of centroids.entries()) entries[n] = Math.max(0, Math.min(most, Math.round((c - b) / a)));
  };
  place();
  for (let n = 0; n < REFITS; n++) {
    [a, b] = leastSquares(entries, centroids, masses);
    place();
  }
  return { entries, a, b };
}

/** a and b of the line a · entry + b that is nearest to the centroids. */
function leastSquares(entries: Uint8Array, centroids: Float32Array, masses: Float64Array): [number, number] {
  let [mass, x, y] = [0, 0, 0];
  for (const [n, own] of masses.entries()) {
    mass += own;
    x += own * entries[n]!;
    y += own * centroids[n]!;
  }
  [x, y] = [x / mass, y / mass];
  let [across, together] = [0, 0];
  for (const [n, own] of masses.entries()) {
    across += own * (entries[n]! - x) ** 2;
    together += own * (entries[n]! - x) * (centroids[n]! - y);
  }
  return [together / across, y - (together / across) * x];
}
