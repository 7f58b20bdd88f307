/**
 * Which groups stay, from what each is worth. LLM-Pruner (Ma, Fang, Wang 2023, arXiv 2305.11627), section 3.2, ranks within
 * each block (local) or over all blocks (global). A global ranking alone empties the blocks whose gradients are small, so
 * here no block may lose more than a share of its groups.
 *
 * A group stands for `lines` channels (the head size for a key/value head, 1 for an MLP channel): of C channels a ratio
 * removes C − ⌊C·(1 − ratio)⌋, and of groups as many as fit whole into that.
 */

export interface RankedBlock {
  /** Of every group the block ever had. */
  readonly importance: Float64Array;
  /** Groups that are left, ascending; earlier steps removed the others. */
  readonly left: readonly number[];
}

/** How many of `groups` a ratio leaves. */
export function groupsKept(groups: number, lines: number, ratio: number): number {
  // Without the allowance 1 − 0.9 would leave 0 of 10.
  const keptLines = Math.floor(groups * lines * (1 - ratio) + 1e-9);
  return groups - Math.floor((groups * lines - keptLines) / lines);
}

/** Of each block, the most important groups that `ratio` leaves of all it ever had; ascending. */
export function rankLocally(blocks: readonly RankedBlock[], lines: number, ratio: number): number[][] {
  return blocks.map(({ importance, left }) => {
    const kept = groupsKept(importance.length, lines, ratio);
    return [...left]
      .sort((a, b) => importance[b]! - importance[a]! || a - b)
      .slice(0, kept)
      .sort((a, b) => a - b);
  });
}

/** The most important groups that `ratio` leaves of all blocks together; no block loses more than the share `cap` of its own. */
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

/** The ratio after step `step`, 0-based, of `steps`: importance is estimated anew in between, and the last step reaches `ratio`. */
export const ratioAfter = (ratio: number, step: number, steps: number): number => (ratio * (step + 1)) / steps;
