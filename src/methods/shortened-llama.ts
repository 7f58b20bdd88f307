/**
 * What a whole block is worth. Shortened LLaMA (Kim et al. 2024, arXiv 2402.02834), section 3.2: magnitude, Taylor and
 * perplexity; with '+' the first four and last two blocks are never removed, because magnitude and Taylor undervalue them.
 * All removals come from one ranking; greedy re-scanning is in depth.ts.
 *
 *   magnitude    Σ |w|
 *   Taylor       Σ |w·g|, g the gradient of the mean loss
 *   perplexity   of the model without the block
 *   influence    1 − mean cos(x, y) of the residual stream before and after the block: block influence, ShortGPT (Men et
 *                al. 2024, arXiv 2403.03853), section 3.2, equation 1
 *
 * Sums go over the seven matrices and two norms of a block.
 */

/** Sum of magnitudes over the tensors of a block. */
export function magnitudeScore(tensors: Iterable<Float32Array>): number {
  let sum = 0;
  for (const values of tensors) for (let n = 0; n < values.length; n++) sum += Math.abs(values[n]!);
  return sum;
}

/** Sum of first-order Taylor terms over the tensors of a block. */
export function taylorScore(
  tensors: Iterable<{ readonly values: Float32Array; readonly gradient: Float32Array }>,
): number {
  let sum = 0;
  for (const { values, gradient } of tensors) {
    for (let n = 0; n < values.length; n++) sum += Math.abs(values[n]! * gradient[n]!);
  }
  return sum;
}

/** Block influence from the residual stream, (T, E), before and after a block. */
export function blockInfluence(before: Float32Array, after: Float32Array, embedding: number): number {
  let cosines = 0;
  for (let at = 0; at < before.length; at += embedding) {
    let [dot, xx, yy] = [0, 0, 0];
    for (let n = at; n < at + embedding; n++) {
      dot += before[n]! * after[n]!;
      xx += before[n]! ** 2;
      yy += after[n]! ** 2;
    }
    cosines += dot / Math.sqrt(xx * yy);
  }
  return 1 - cosines / (before.length / embedding);
}

/** The perplexity without each block in turn. */
export async function perplexityScores(
  layers: number,
  perplexity: (layers: readonly number[]) => Promise<number>,
): Promise<number[]> {
  const all = Array.from({ length: layers }, (_, layer) => layer);
  const scores: number[] = [];
  for (const removed of all) scores.push(await perplexity(all.filter((layer) => layer !== removed)));
  return scores;
}

/** The blocks that '+' protects. */
export const plusBlocks = (layers: number): number[] => [0, 1, 2, 3, layers - 2, layers - 1];

/** The blocks in the order of their removal: the lowest score first, among equals the later; without the protected. */
export function removalOrder(scores: readonly number[], protectedBlocks: readonly number[]): number[] {
  return [...scores.keys()]
    .filter((layer) => !protectedBlocks.includes(layer))
    .sort((a, b) => scores[a]! - scores[b]! || b - a);
}
