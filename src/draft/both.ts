/**
 * Two drafters in one. Each position gets the lookup drafter's copy or the model's token, whichever has the higher
 * confidence; the other one and the model's runners-up become `others`. Where the copy's confidence is high the model
 * is not run. It reads what was copied while the target verifies the next draft, or when it is needed, several tokens
 * at a time: that is nearly as fast as one.
 */
import type { Candidate, Drafter, More, Proposed } from "../speculate/types.ts";
import type { LookupDrafter } from "./lookup.ts";
import { DRAFT_SLICE, pause } from "./model-drafter.ts";

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
  /** The pack's value in place of COPY_CONFIDENCE, once the pack is loaded. */
  readonly copyConfidence?: number | undefined;
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
    let asked = 0;
    while (proposed.length < max) {
      const copy = this.#lookup.after(ids, others);
      let next: Proposed | undefined = copy;
      if (!copy || copy.confidence < this.#copyConfidence) {
        if (asked > 0 && asked % DRAFT_SLICE === 0) await pause();
        await this.#catchUp([...this.#timeline, ...ids]);
        const [own] = await this.#model.propose(1, () => false, others);
        asked++;
        next = moreConfident(own, copy, others);
      }
      if (!next) break;
      proposed.push(next);
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
    return this.#model.copyConfidence ?? COPY_CONFIDENCE;
  }

  async #catchUp(timeline: readonly number[]): Promise<void> {
    await this.#model.sync(timeline);
    this.#modelLength = timeline.length;
  }
}

/**
 * The model's token or the copy, whichever has the higher confidence; the rest of both are `others`, likeliest first.
 */
function moreConfident(own: Proposed | undefined, copy: Proposed | undefined, others: number): Proposed | undefined {
  if (!own || !copy) return own ?? copy;
  const first = own.confidence > copy.confidence ? own : copy;
  const rest = new Map<number, Candidate>();
  for (const candidate of [own, copy, ...(own.others ?? []), ...(copy.others ?? [])]) {
    const known = rest.get(candidate.id);
    if (!known || known.confidence < candidate.confidence) rest.set(candidate.id, candidate);
  }
  rest.delete(first.id);
  const likeliest = [...rest.values()].sort((a, b) => b.confidence - a.confidence);
  return { ...first, others: likeliest.slice(0, others) };
}
