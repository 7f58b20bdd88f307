/**
 * What takes no draft step: copies from the conversation (lookup.ts), and what the target said behind refused tokens
 * (recycled.ts). Alone this is the drafter of a target that has no draft model.
 */
import type { Drafter, More, Proposed, Refused } from "../speculate/types.ts";
import { chained } from "./chained.ts";
import { Lookup } from "./lookup.ts";
import { withRecycled } from "./pool.ts";
import { MAX_MATCH, Recycled } from "./recycled.ts";

/** What may come next without a draft step. */
export interface Copied {
  /** By the conversation. */
  readonly copy: Proposed | undefined;
  /** By what the target said behind refused tokens. */
  readonly recycled: Proposed | undefined;
}

export class CopyDrafter implements Drafter {
  readonly copiesAlone = true;
  readonly #lookup: Lookup;
  readonly #recycled = new Recycled();
  #timeline: readonly number[] = [];

  /** As `Lookup`. */
  constructor(prompt: readonly number[] = [], prediction: readonly number[] = []) {
    this.#lookup = new Lookup(prompt, prediction);
  }

  async sync(timeline: readonly number[]): Promise<void> {
    this.#timeline = timeline;
    this.#lookup.sync(timeline);
  }

  propose(max: number, more: More, others = 0): Promise<readonly Proposed[]> {
    return chained(max, more, others, (ids) => {
      const { copy, recycled } = this.after(ids, others);
      return withRecycled(copy, recycled);
    });
  }

  learn(timeline: readonly number[], from: number, refused?: Refused): void {
    this.#recycled.learn(timeline, from, refused);
  }

  /** What may follow the timeline and `drafted`, with at most `others` alternatives each. */
  after(drafted: readonly number[], others: number): Copied {
    const end = [...this.#timeline.slice(-MAX_MATCH), ...drafted];
    return { copy: this.#lookup.after(drafted, others), recycled: this.#recycled.after(end, others) };
  }
}
