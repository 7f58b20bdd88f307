/**
 * Importance of a whole block. Shortened LLaMA (Kim et al. 2024, arXiv 2402.02834), section 3.2: Taylor and
 * perplexity. With '+' the first four and last two blocks are never removed, because Taylor undervalues
 * them. All removals come from one ranking; depth.ts measures again after each removal.
 *
 *   Taylor       Σ |w·g|, g the gradient of the mean loss
 *   perplexity   of the model without the block
 *   influence    1 − mean cos(x, y) of the residual stream before and after the block: block influence, ShortGPT (Men
 *                et al. 2024, arXiv 2403.03853), section 3.2, equation 1; calibrate/float-llama.ts measures it
 *
 * Sums go over the seven matrices and two norms of a block.
 */

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

/** The blocks in the order of their removal, without the protected: the lowest score first, among equals the later. */
export function removalOrder(scores: readonly number[], protectedBlocks: readonly number[]): number[] {
  return [...scores.keys()]
    .filter((layer) => !protectedBlocks.includes(layer))
    .sort((a, b) => scores[a]! - scores[b]! || b - a);
}
