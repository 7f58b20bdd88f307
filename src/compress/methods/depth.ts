/**
 * Which blocks to leave out: one at a time, always the one whose loss costs least agreement with the target on text
 * that the target wrote, measured anew after each removal. One-shot ranking, which most papers use (Shortened LLaMA,
 * Kim et al. 2024; ShortGPT, Men et al. 2024), fails here by choosing blocks that are cheap only alone.
 */

/** Share of the target's tokens, 0 to 1, that a model with only these blocks predicts. */
export type Agreement = (layers: readonly number[]) => number;

export interface Removal {
  readonly removed: number;
  /** What is left, ascending. */ readonly layers: readonly number[];
  /** Of what is left. */ readonly agreement: number;
}

/** Yields one removal after the other until `keep` blocks are left. Among equals the later block goes: it saves no one else's work. */
export function* greedyRemoval(
  layers: readonly number[],
  keep: number,
  agreement: Agreement,
): Generator<Removal, void> {
  for (let left = layers; left.length > keep; ) {
    let best: Removal | undefined;
    for (const removed of left) {
      const without = left.filter((layer) => layer !== removed);
      const value = agreement(without);
      if (!best || value >= best.agreement) best = { removed, layers: without, agreement: value };
    }
    yield best!;
    left = best!.layers;
  }
}
