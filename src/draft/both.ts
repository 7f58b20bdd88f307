/**
 * Two drafters in one. Each position gets the likeliest token by the model and by lookup together (pool.ts); what else
 * they name becomes `others`. Where the copy's confidence is high the model is not run. It reads what was copied while
 * the target verifies the next draft, or when it is needed, several tokens at a time: that is nearly as fast as one.
 */
import type { Drafting } from "../format/pack-header.ts";
import type { Drafter, More, Proposed } from "../speculate/types.ts";
import { DRAWN } from "./chances.ts";
import type { LookupDrafter } from "./lookup.ts";
import { DRAFT_SLICE, pause } from "./model-drafter.ts";
import { pooled } from "./pool.ts";

/**
 * A copy of this confidence is proposed without running the model, which is rarely more often right (docs/log.md). The
 * draft's pack may name another value.
 */
const COPY_CONFIDENCE = 0.85;
/** Most tokens that the model may be behind the timeline when a draft begins. */
const MAX_LAG = 128;
/** Tokens that the model reads between two looks whether a verdict has come. */
const SETTLED_AT_ONCE = 8;

interface DraftModel extends Drafter {
  /** What the pack says of copies, once it is loaded: the value in place of COPY_CONFIDENCE, and a copy's weight. */
  readonly drafting?: Pick<Drafting, "copyConfidence" | "copyWeight"> | undefined;
}

export class BothDrafter implements Drafter {
  readonly #lookup: LookupDrafter;
  readonly #model: DraftModel;
  #timeline: readonly number[] = [];
  #modelLength = 0;

  constructor(lookup: LookupDrafter, model: DraftModel) {
    this.#lookup = lookup;
    this.#model = model;
  }

  async sync(timeline: readonly number[]): Promise<void> {
    this.#timeline = timeline;
    await this.#lookup.sync(timeline);
    const copies = this.#lookup.confidence >= this.#copyConfidence;
    if (!copies || timeline.length - this.#modelLength > MAX_LAG) await this.#catchUp(timeline);
  }

  async propose(max: number, more: More, others = 0): Promise<readonly Proposed[]> {
    const proposed: Proposed[] = [];
    const ids: number[] = [];
    // The model draws as many in any case.
    const named = Math.max(others, DRAWN - 1);
    let asked = 0;
    while (proposed.length < max) {
      const copy = this.#lookup.after(ids, named);
      let next: Proposed | undefined = copy;
      if (!copy || copy.confidence < this.#copyConfidence) {
        if (asked > 0 && asked % DRAFT_SLICE === 0) await pause();
        await this.#catchUp([...this.#timeline, ...ids]);
        const [own] = await this.#model.propose(1, () => false, named);
        asked++;
        next = own && copy ? pooled(own, copy, this.#model.drafting?.copyWeight) : (own ?? copy);
      }
      if (!next) break;
      proposed.push({ ...next, others: next.others?.slice(0, others) ?? [] });
      ids.push(next.id);
      if (!more(next)) break;
    }
    return proposed;
  }

  async settle(more: () => boolean): Promise<void> {
    while (this.#modelLength < this.#timeline.length && more()) {
      await this.#catchUp(this.#timeline.slice(0, this.#modelLength + SETTLED_AT_ONCE));
    }
    if (more()) await this.#model.settle?.(more);
  }

  get #copyConfidence(): number {
    return this.#model.drafting?.copyConfidence ?? COPY_CONFIDENCE;
  }

  async #catchUp(timeline: readonly number[]): Promise<void> {
    await this.#model.sync(timeline);
    this.#modelLength = timeline.length;
  }
}
