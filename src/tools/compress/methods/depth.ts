/**
 * Which blocks to remove: one at a time, always the one whose removal costs least, measured again after each removal.
 * Most papers rank once (shortened-llama.ts), which removes blocks that are cheap alone but not together. A draft is
 * measured by its agreement with the target on text that the target wrote.
 */

/** Quality of a model with only these blocks: its agreement with the target. */
type Worth = (layers: readonly number[]) => number | Promise<number>;

interface Removal {
  readonly removed: number;
  /** The remaining blocks, ascending. */
  readonly layers: readonly number[];
  /** Quality of the model of the remaining blocks. */
  readonly worth: number;
}

/** Yields one removal after the other until `keep` blocks are left. Among equals the later block is removed. */
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
