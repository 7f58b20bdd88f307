/**
 * OWL (Yin et al. 2023, arXiv 2310.05175), section 3.2: blocks with more outliers lose fewer weights. An outlier is a
 * weight whose Wanda score exceeds M times the mean score of its block.
 */

/** Share of a block's scores, given matrix by matrix, that exceed `times` their mean: the paper's D, M = `times`. */
export function outlierShare(scores: readonly Float64Array[], times: number): number {
  let sum = 0;
  let count = 0;
  for (const matrix of scores) {
    for (const score of matrix) sum += score;
    count += matrix.length;
  }
  const limit = (times * sum) / count;
  let outliers = 0;
  for (const matrix of scores) for (const score of matrix) if (score > limit) outliers++;
  return outliers / count;
}

/**
 * Sparsity of each block: falls linearly with its share of outliers over a range of 2 · `reach` (the paper's λ), and is
 * `sparsity` on average.
 */
export function owlSparsities(shares: readonly number[], sparsity: number, reach: number): number[] {
  const least = Math.min(...shares);
  const span = Math.max(...shares) - least;
  const extra = shares.map((share) => (span === 0 ? 0 : (2 * reach * (share - least)) / span));
  const mean = extra.reduce((sum, value) => sum + value, 0) / shares.length;
  return extra.map((value) => sparsity + mean - value);
}
