/** Which tokens a smaller vocabulary keeps, by how often a text has them: FR-Spec, Zhao et al. 2025, arXiv 2502.14856, §3.2. */

/**
 * `keep` ids, rising: all of `always`, then those of the highest count, of equal ones the lowest. `counts` (V); `always` has at
 * most `keep`.
 */
export function mostFrequent(counts: ArrayLike<number>, keep: number, always: ReadonlySet<number>): number[] {
  const others = Array.from(counts, (_, id) => id).filter((id) => !always.has(id));
  others.sort((a, b) => counts[b]! - counts[a]! || a - b);
  return [...always, ...others.slice(0, keep - always.size)].sort((a, b) => a - b);
}
