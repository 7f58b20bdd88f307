/**
 * The draft model and what takes no draft step (copy-drafter.ts) in one drafter. Each position gets the likeliest token
 * by all of them together (pool.ts); what else they name becomes `others`. Where the confidence of a copy or of a
 * recycled token is high the model is not run. It reads what was copied while the target verifies the next draft, or
 * when it is needed, several tokens at a time: that is nearly as fast as one.
 */
import type { Drafting } from "../format/pack-header.ts";
import type { Drafter, More, Proposed, Refused } from "../speculate/types.ts";
import { chained } from "./chained.ts";
import { DRAWN } from "./chances.ts";
import type { Copied, CopyDrafter } from "./copy-drafter.ts";
import { DRAFT_SLICE, pause } from "./model-drafter.ts";
import { pooled, withRecycled } from "./pool.ts";

/**
 * A copy of this confidence is proposed without running the model, which is rarely more often right (docs/record/log.md). The
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

/** Of equals the copy from the conversation. */
const surestOf = ({ copy, recycled }: Copied): Proposed | undefined =>
  copy && recycled && recycled.confidence > copy.confidence ? recycled : (copy ?? recycled);

export class BothDrafter implements Drafter {
  readonly #copies: CopyDrafter;
  readonly #model: DraftModel;
  #timeline: readonly number[] = [];
  #modelLength = 0;

  constructor(copies: CopyDrafter, model: DraftModel) {
    this.#copies = copies;
    this.#model = model;
  }

  async sync(timeline: readonly number[]): Promise<void> {
    this.#timeline = timeline;
    await this.#copies.sync(timeline);
    const copies = this.#isSure(surestOf(this.#copies.after([], 0)));
    if (!copies || timeline.length - this.#modelLength > MAX_LAG) await this.#catchUp(timeline);
  }

  propose(max: number, more: More, others = 0): Promise<readonly Proposed[]> {
    // The model draws as many in any case.
    const named = Math.max(others, DRAWN - 1);
    let asked = 0;
    return chained(max, more, others, async (ids) => {
      const copied = this.#copies.after(ids, named);
      const surest = surestOf(copied);
      if (this.#isSure(surest)) return surest;
      if (asked > 0 && asked % DRAFT_SLICE === 0) await pause();
      await this.#catchUp([...this.#timeline, ...ids]);
      const [own] = await this.#model.propose(1, () => false, named);
      asked++;
      return this.#together(own, copied);
    });
  }

  async settle(more: () => boolean): Promise<void> {
    while (this.#modelLength < this.#timeline.length && more()) {
      await this.#catchUp(this.#timeline.slice(0, this.#modelLength + SETTLED_AT_ONCE));
    }
    if (more()) await this.#model.settle?.(more);
  }

  learn(timeline: readonly number[], from: number, refused?: Refused): void {
    this.#copies.learn(timeline, from, refused);
  }

  /** Whether a copy is proposed without running the model. */
  #isSure(copy: Proposed | undefined): boolean {
    return copy !== undefined && copy.confidence >= this.#copyConfidence;
  }

  /** What the model, copies and the target's own words say together; undefined where none says anything. */
  #together(own: Proposed | undefined, { copy, recycled }: Copied): Proposed | undefined {
    const drafted = own && copy ? pooled(own, copy, this.#model.drafting?.copyWeight) : (own ?? copy);
    return withRecycled(drafted, recycled);
  }

  get #copyConfidence(): number {
    return this.#model.drafting?.copyConfidence ?? COPY_CONFIDENCE;
  }

  async #catchUp(timeline: readonly number[]): Promise<void> {
    await this.#model.sync(timeline);
    this.#modelLength = timeline.length;
  }
}
