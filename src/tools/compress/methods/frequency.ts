/**
 * The tokens that a smaller vocabulary keeps, by their frequency in a text: FR-Spec, Zhao et al. 2025, arXiv
 * 2502.14856, §3.2.
 */

/**
 * `keep` ids, rising: all of `always`, then those of the highest count; among equals the lowest ids.
 * @param counts (V)
 * @param always at most `keep` ids
 */
export function mostFrequent(counts: ArrayLike<number>, keep: number, always: ReadonlySet<number>): number[] {
  const others = Array.from(counts, (_, id) => id).filter((id) => !always.has(id));
  others.sort((a, b) => counts[b]! - counts[a]! || a - b);
  return [...always, ...others.slice(0, keep - always.size)].sort((a, b) => a - b);
}
