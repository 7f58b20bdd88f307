/**
 * Which blocks to leave out: one at a time, always the one whose loss costs least, measured anew after each removal.
 * One-shot ranking, which most papers use (shortened-llama.ts), chooses blocks that are cheap only alone. For a draft what
 * counts is agreement with the target on text that the target wrote; perplexity does for a model by itself.
 */

/** What a model with only these blocks is worth: its agreement with the target, or its perplexity with the sign changed. */
export type Worth = (layers: readonly number[]) => number | Promise<number>;

export interface Removal {
  readonly removed: number;
  /** What is left, ascending. */
  readonly layers: readonly number[];
  /** Of what is left. */
  readonly worth: number;
}

/** Yields one removal after the other until `keep` blocks are left. Among equals the later block goes: it saves no one else's work. */
export async function* greedyRemoval(
  layers: readonly number[],
  keep: number,
  worth: Worth,
): AsyncGenerator<Removal, void> {
  for (let left = layers; left.length > keep; ) {
    let best: Removal | undefined;
    for (const removed of left) {
      const without = left.filter((layer) => layer !== removed);
      const value = await worth(without);
      if (!best || value >= best.worth) best = { removed, layers: without, worth: value };
    }
    yield best!;
    left = best!.layers;
  }
}
