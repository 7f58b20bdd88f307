/**
 * A drafter under a constraint on the answer: another drafter's tokens, without those that may not follow, and what
 * must follow without asking anybody.
 *
 *   one token may follow            it is proposed without a draft step
 *   several bytes must follow       their usual tokens are; the target may prefer others and then decides so
 *   else                            the other drafter's likeliest token that may follow, and its runners-up
 */
import type { Following } from "../grammar/following.ts";
import type { Candidate, Drafter, More, Proposed, Refused } from "../speculate/types.ts";
import { DRAFT_SLICE, pause } from "./model-drafter.ts";

/** Runners-up to look at, where the likeliest may not follow. They cost the model nothing more. */
const BESIDE = 7;
/** The target could not choose another token. */
const CERTAIN = 0.999;
/** It could write the same text in other tokens, which it hardly ever does. */
const USUAL = 0.95;
/** No runner-up was looked at: another token may be likelier than it seems. */
const MOST = 0.98;

export class ConstrainedDrafter implements Drafter {
  readonly #inner: Drafter;
  readonly #following: Following;
  readonly #encode: (text: string) => readonly number[];
  #timeline: readonly number[] = [];

  /** @param encode tokens of a text that stands in the middle of another */
  constructor(inner: Drafter, following: Following, encode: (text: string) => readonly number[]) {
    this.#inner = inner;
    this.#following = following;
    this.#encode = encode;
  }

  get copiesAlone(): boolean {
    return this.#inner.copiesAlone === true;
  }

  async sync(timeline: readonly number[]): Promise<void> {
    this.#timeline = timeline;
    if (this.#forcedAt(timeline).length === 0) await this.#inner.sync(timeline);
  }

  async propose(max: number, more: More, others = 0): Promise<readonly Proposed[]> {
    const proposed: Proposed[] = [];
    const before = [...this.#timeline];
    let asked = 0;
    while (proposed.length < max) {
      let next = this.#forcedAt(before);
      if (next.length === 0) {
        if (asked > 0 && asked % DRAFT_SLICE === 0) await pause();
        asked++;
        await this.#inner.sync([...before]);
        const [own] = await this.#inner.propose(1, () => false, Math.max(others, BESIDE));
        next = own ? this.#allowed(before, own, others) : [];
      }
      if (next.length === 0) break;
      for (const token of next) {
        proposed.push(token);
        before.push(token.id);
        if (proposed.length === max || !more(token)) return proposed;
      }
    }
    return proposed;
  }

  async settle(more: () => boolean): Promise<void> {
    // An answer may be over before anything was to be drafted.
    if (this.#timeline.length === 0) return;
    await this.#inner.sync([...this.#timeline]);
    if (more()) await this.#inner.settle?.(more);
  }

  learn(timeline: readonly number[], from: number, refused?: Refused): void {
    this.#inner.learn?.(timeline, from, refused);
  }

  /** What must follow, as tokens. */
  #forcedAt(before: readonly number[]): Proposed[] {
    const only = this.#following.only(before);
    if (only !== null) return [{ id: only, confidence: CERTAIN, source: "form" }];
    const bytes = this.#following.forced(before);
    if (bytes.length < 2) return [];
    const tokens = this.#encode(decoder.decode(bytes));
    // The last one may be the beginning of a longer token.
    const certain = tokens.slice(0, -1);
    const proposed: Proposed[] = [];
    const timeline = [...before];
    for (const id of certain) {
      if (!this.#following.takes(timeline, id)) break;
      timeline.push(id);
      proposed.push({ id, confidence: USUAL, source: "form" });
    }
    return proposed;
  }

  /** Of a token and its runners-up, those that may follow, with what the others leave of confidence. */
  #allowed(before: readonly number[], own: Proposed, others: number): Proposed[] {
    const candidates: Candidate[] = [own, ...(own.others ?? [])];
    const allowed = candidates.filter(({ id }) => this.#following.takes(before, id));
    const forbidden = candidates.reduce((sum, each) => sum + (allowed.includes(each) ? 0 : each.confidence), 0);
    const share = Math.max(1 - forbidden, 1e-3);
    const shared = allowed.map(({ id, confidence, source }) => ({
      id,
      confidence: forbidden === 0 ? confidence : Math.min(MOST, confidence / share),
      source,
    }));
    const [first, ...rest] = shared;
    return first ? [{ ...first, others: rest.slice(0, others) }] : [];
  }
}

const decoder = new TextDecoder();
