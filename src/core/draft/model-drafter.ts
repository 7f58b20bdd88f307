/**
 * The model drafter: a small Llama proposes what the target will emit. Tensors stop here; above are tokens and
 * probabilities. It draws with the same noise as the target, which couples the two samplers (Daliri, Musco, Suresh
 * 2024, drafter-invariant speculative decoding): where the distributions agree, so do the tokens.
 */
import type { Drafting } from "../format/pack-header.ts";
import { PAGE_TOKENS } from "../kernels/abi.ts";
import type { Choosing } from "../speculate/shaping.ts";
import type { Candidate, Drafter, More, Proposed } from "../speculate/types.ts";
import type { KvCache } from "./cache.ts";
import { chances, DRAWN } from "./chances.ts";
import type { Llama } from "./llama.ts";
import { ShapedDraw } from "./shaped-draw.ts";
import { sharpened } from "./sharpness.ts";

/** Tokens of a draft between two pauses, so that neighbours in the isolate wait about 20 ms at most. */
export const DRAFT_SLICE = 3;
/** Tokens of a prefill between two pauses: a prefilled token costs less than a drafted one. */
const PREFILL_SLICE = 8;
/**
 * The same for what is read first. The target reads the prompt meanwhile, and on its way out the first token waits for
 * a slice more than once (docs/record/log.md, "The first token").
 */
const FIRST_SLICE = 4;
/**
 * Tokens that a draft may wait for. A first draft shall leave within 300 ms of CPU, and a token of the default draft
 * takes 0.8 to 1 ms with so few before it (docs/record/keeping.md).
 */
export const READ_AT_ONCE = 192;
/** Pages of a cache that reads ahead: the first, and room for as much again as it begins with. */
export const AHEAD_PAGES = 10;

/** Lets the other events of the isolate run. Another session may take a cache's pages meanwhile. */
export const pause = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 0));

/** What drafters have had the model do; several may count into one. */
export interface Work {
  /** Tokens drafted. */
  steps: number;
  /** Tokens read. */
  read: number;
}

/**
 * Where the timeline is longer than a draft may wait for, a second cache reads ahead: the timeline's first page and its
 * newest tokens, at their own positions. Drafts come from it until the first cache has read all that it can hold, which
 * `settle` does in slices while the target is at work. What a bounded cache would let go of again is never read: drafts
 * are better without (docs/record/keeping.md), and it would be most of the CPU of a long prompt.
 */
export class ModelDrafter implements Drafter {
  readonly #llama: Llama;
  readonly #cache: KvCache;
  readonly #draw: ShapedDraw;
  readonly #ahead: KvCache | undefined;
  readonly #work: Work;
  #timeline: readonly number[] = [];
  /** The cache that drafts. */
  #active: KvCache;
  #slice = FIRST_SLICE;

  /**
   * @param cache may hold a prefix of the timeline already, e.g. restored pages; the drafter does not release it
   * @param ahead an empty cache, or one that has read ahead on this timeline; absent: drafts wait for all of it
   * @param work what is done is counted here
   */
  constructor(llama: Llama, cache: KvCache, choosing: Choosing, ahead?: KvCache, work: Work = { steps: 0, read: 0 }) {
    this.#llama = llama;
    this.#cache = cache;
    this.#active = cache;
    this.#draw = new ShapedDraw(llama, sharpened(choosing, llama.header.drafting?.sharpness));
    this.#ahead = ahead;
    this.#work = work;
  }

  /** Tokens of the timeline that drafts are made from. */
  get read(): number {
    return this.#active.slots;
  }

  get #context(): number {
    return this.#llama.header.config.context;
  }

  /** What was measured of the model and its target. */
  get drafting(): Drafting | undefined {
    return this.#llama.header.drafting;
  }

  /**
   * Prefills the cache with all of the timeline but its last tokens: at least one, at most PREFILL_SLICE are left to
   * the first pass of `propose`. Beyond the model's context nothing is read or proposed. Rejects with `kv_full`.
   */
  async sync(timeline: readonly number[]): Promise<void> {
    // It has grown, so the first verdict has come.
    if (this.#timeline.length > 0 && timeline.length !== this.#timeline.length) this.#slice = PREFILL_SLICE;
    this.#timeline = timeline;
    if (timeline.length === 0 || timeline.length > this.#context) return;
    const left = this.#cutOrSkip(timeline);
    if (!this.#ahead || left <= READ_AT_ONCE) {
      this.#active = this.#cache;
      this.#ahead?.release();
    } else {
      this.#active = this.#ahead;
      if (cutToward(this.#ahead, timeline) > READ_AT_ONCE) this.#ahead.release();
    }
    while (timeline.length - this.#active.tokens.length > PREFILL_SLICE) await this.#readSlice(this.#active);
  }

  /** Goes on reading into the first cache. */
  async settle(more: () => boolean): Promise<void> {
    if (this.#active === this.#cache || this.#timeline.length > this.#context) return;
    this.#cutOrSkip(this.#timeline);
    while (this.#timeline.length - this.#cache.tokens.length > PREFILL_SLICE && more()) {
      await this.#readSlice(this.#cache);
    }
  }

  /**
   * Cuts the first cache back to what it shares with the timeline. Where it lacks more than it can hold, only its first
   * page stays. Returns how many tokens it has yet to read.
   */
  #cutOrSkip(timeline: readonly number[]): number {
    const cache = this.#cache;
    const left = cutToward(cache, timeline);
    // A page more: a cache that has begun behind its first page is not begun again.
    if (left <= newestOf(cache) + PAGE_TOKENS) return left;
    cache.cut(PAGE_TOKENS);
    return timeline.length - between(timeline, newestOf(cache)).length - cache.tokens.length;
  }

  async #readSlice(cache: KvCache): Promise<void> {
    const timeline = this.#timeline;
    const newest = cache === this.#ahead ? READ_AT_ONCE - PAGE_TOKENS : newestOf(cache);
    if (cache.tokens.length === PAGE_TOKENS) cache.skip(between(timeline, newest));
    const at = cache.tokens.length;
    // The first page ends a slice, so that what follows it can be left out.
    const end = at < PAGE_TOKENS ? Math.min(at + this.#slice, PAGE_TOKENS) : at + this.#slice;
    this.#llama.forward(cache, timeline.slice(at, end), 0);
    this.#work.read += end - at;
    await pause();
    // Another session may have taken this cache's pages during the pause.
    cache.cut(cache.commonPrefix(timeline));
  }

  async propose(max: number, more: More, others = 0): Promise<readonly Proposed[]> {
    const proposed: Proposed[] = [];
    // Another session may have taken this cache's pages since the last sync. Usually this does nothing.
    await this.sync(this.#timeline);
    if (this.#timeline.length === 0) return proposed;
    const cache = this.#active;
    let pending = this.#timeline.slice(cache.tokens.length);
    const room = this.#context + 1 - this.#timeline.length;
    while (proposed.length < Math.min(max, room)) {
      const position = this.#timeline.length + proposed.length;
      const logits = this.#llama.forward(cache, pending, 1);
      this.#work.read += pending.length - 1;
      this.#work.steps++;
      const before = [...this.#timeline, ...proposed.map(({ id }) => id)];
      const drawn = this.#draw.draw(logits, before, Math.max(DRAWN, 1 + others));
      if (drawn.length === 0) break;
      const confidence = chances(drawn, this.#llama.header.drafting?.sigma);
      const candidates = drawn.map(({ id }, i): Candidate => ({ id, confidence: confidence[i]!, source: "model" }));
      const next = { ...candidates[0]!, others: candidates.slice(1, 1 + others) };
      proposed.push(next);
      if (!more(next)) break;
      if (proposed.length % DRAFT_SLICE === 0) {
        await pause();
        if (cache.tokens.length !== position) break;
      }
      pending = [next.id];
    }
    return proposed;
  }
}

/** Tokens that a cache can read behind its first page before it lets go of one, a page of them begun. */
const newestOf = (cache: KvCache): number => (cache.most - 2) * PAGE_TOKENS;

/** What is left out between the first page and the `newest` tokens, whole pages. */
function between(timeline: readonly number[], newest: number): readonly number[] {
  const from = Math.max(PAGE_TOKENS, timeline.length - newest);
  return timeline.slice(PAGE_TOKENS, Math.floor(from / PAGE_TOKENS) * PAGE_TOKENS);
}

/** Cuts a cache back to what it shares with the timeline, less its last token; returns how many tokens it lacks. */
function cutToward(cache: KvCache, timeline: readonly number[]): number {
  cache.cut(Math.min(cache.commonPrefix(timeline), timeline.length - 1));
  return timeline.length - cache.tokens.length;
}
