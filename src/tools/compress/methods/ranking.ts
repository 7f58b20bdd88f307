/**
 * Which groups are kept, by their importance. LLM-Pruner (Ma, Fang, Wang 2023, arXiv 2305.11627), section 3.2, ranks
 * within each block (local) or over all blocks (global). A global ranking alone empties the blocks whose gradients are
 * small, so here no block may lose more than a share of its groups.
 *
 * A group is `lines` channels: the head size for a key/value head, 1 for an MLP channel. A ratio removes
 * C − ⌊C·(1 − ratio)⌋ of C channels, and as many whole groups as fit into that.
 */

export interface RankedBlock {
  /** Importance of every group that the block had at first. */
  readonly importance: Float64Array;
  /** The groups that earlier steps left, ascending. */
  readonly left: readonly number[];
}

/** How many of `groups` a ratio leaves. */
export function groupsKept(groups: number, lines: number, ratio: number): number {
  // Without the allowance 1 − 0.9 would leave 0 of 10.
  const keptLines = Math.floor(groups * lines * (1 - ratio) + 1e-9);
  return groups - Math.floor((groups * lines - keptLines) / lines);
}

/** For each block, its most important groups, ascending: as many as `ratio` leaves of those that it had at first. */
export function rankLocally(blocks: readonly RankedBlock[], lines: number, ratio: number): number[][] {
  return blocks.map(({ importance, left }) => {
    const kept = groupsKept(importance.length, lines, ratio);
    return [...left]
      .sort((a, b) => importance[b]! - importance[a]! || a - b)
      .slice(0, kept)
      .sort((a, b) => a - b);
  });
}

/**
 * The most important groups of all blocks together, as many as `ratio` leaves; no block loses more than a share `cap`.
 */
export function rankGlobally(blocks: readonly RankedBlock[], lines: number, ratio: number, cap: number): number[][] {
  const all = blocks.reduce((sum, { importance }) => sum + importance.length, 0);
  const kept = blocks.map(({ left }) => new Set(left));
  const least = blocks.map(({ importance }) => Math.max(1, Math.ceil(importance.length * (1 - cap) - 1e-9)));
  const cheapest = blocks
    .flatMap(({ importance, left }, block) => left.map((group) => ({ block, group, worth: importance[group]! })))
    .sort((a, b) => a.worth - b.worth || b.block - a.block || b.group - a.group);
  let count = cheapest.length;
  const target = groupsKept(all, lines, ratio);
  for (const { block, group } of cheapest) {
    if (count <= target) break;
    const own = kept[block]!;
    if (own.size <= least[block]!) continue;
    own.delete(group);
    count--;
  }
  return kept.map((groups) => [...groups].sort((a, b) => a - b));
}

/**
 * The ratio after step `step`, from 0, of `steps`. Importance is estimated again in between; the last reaches `ratio`.
 */
export const ratioAfter = (ratio: number, step: number, steps: number): number => (ratio * (step + 1)) / steps;
