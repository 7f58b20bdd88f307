/** Codebooks on equal steps against the float ones they stand for. */
import { expect, test } from "vitest";
import { type Codebook, codebook } from "../../src/tools/compress/methods/codebook.ts";
import { ontoSteps } from "../../src/tools/compress/methods/entries.ts";
import { COLS, fisher, ROWS, weights } from "./layer.ts";

/** Σ mass · move² of all centroids. */
const cost = ({ centroids, masses }: Codebook, levels: ArrayLike<number>): number =>
  masses.reduce((sum, mass, n) => sum + mass * (centroids[n]! - levels[n]!) ** 2, 0);

test("what lies on steps stays there", () => {
  const centroids = Float32Array.of(-3, -1.5, 0, 6.45);
  const { entries, a, b } = ontoSteps({ centroids, masses: Float64Array.of(1, 2, 3, 4) }, 63);
  for (const [n, c] of centroids.entries()) expect(a * entries[n]! + b).toBeCloseTo(c, 6);
});

test("one centroid is kept exactly, entries rise and fit their bits", () => {
  expect(ontoSteps({ centroids: Float32Array.of(7), masses: Float64Array.of(1) }, 63)).toEqual({
    entries: Uint8Array.of(0),
    a: 0,
    b: 7,
  });
  const { entries } = ontoSteps(codebook(weights.subarray(0, COLS), 16), 63);
  expect([...entries]).toEqual([...entries].sort((x, y) => x - y));
  expect(Math.max(...entries)).toBeLessThanOrEqual(63);
});

test.each([8, 16])("%i centroids move less than onto steps from the first to the last", (levels) => {
  let searched = 0;
  let plain = 0;
  for (let row = 0; row < ROWS; row++) {
    const [from, to] = [row * COLS, (row + 1) * COLS];
    const found = codebook(weights.subarray(from, to), levels, fisher.subarray(from, to));
    const { entries, a, b } = ontoSteps(found, 63);
    searched += cost(
      found,
      Float64Array.from(entries, (entry) => a * entry + b),
    );
    const step = (found.centroids.at(-1)! - found.centroids[0]!) / 63;
    const first = found.centroids[0]!;
    plain += cost(
      found,
      found.centroids.map((c) => first + step * Math.round((c - first) / step)),
    );
  }
  expect(searched).toBeLessThan(0.6 * plain);
});
