/**
 * What takes no draft step: copies from the conversation (lookup.ts), and what the target said behind refused tokens
 * (recycled.ts). Alone this is the drafter of a target that has no draft model.
 */
import type { Drafter, More, Proposed, Refused } from "../speculate/types.ts";
import { Lookup } from "./lookup.ts";
import { pooled } from "./pool.ts";
import { MAX_MATCH, Recycled } from "./recycled.ts";

/** What a recycled token counts beside the 1 of others: it is the target's own opinion (docs/log.md). */
const RECYCLED_WEIGHT = 1;

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
    await this.#lookup.sync(timeline);
  }

  async propose(max: number, more: More, others = 0): Promise<readonly Proposed[]> {
    const proposed: Proposed[] = [];
    const ids: number[] = [];
    while (proposed.length < max) {
      const { copy, recycled } = this.after(ids, others);
      const next = withRecycled(copy, recycled);
      if (!next) break;
      proposed.push({ ...next, others: next.others?.slice(0, others) ?? [] });
      ids.push(next.id);
      if (!more(next)) break;
    }
    return proposed;
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

/** An opinion of a position together with the target's own words behind refused tokens; undefined without either. */
export const withRecycled = (opinion: Proposed | undefined, recycled: Proposed | undefined): Proposed | undefined =>
  opinion && recycled ? pooled(opinion, recycled, RECYCLED_WEIGHT) : (opinion ?? recycled);
