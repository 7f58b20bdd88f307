/**
 * The model drafter: a small Llama proposes what the target will emit. Tensors stop here; above are tokens and
 * probabilities. It draws with the same noise as the target, which couples the two samplers (Daliri, Musco, Suresh
 * 2024, drafter-invariant speculative decoding): where the distributions agree, so do the tokens.
 */
import type { Candidate, Drafter, More, Proposed, Sampling } from "../speculate/types.ts";
import type { KvCache } from "./cache.ts";
import { chances, DRAWN } from "./chances.ts";
import { drawTokens } from "./draw.ts";
import type { Llama } from "./llama.ts";

/** Tokens of a draft between two pauses, so that neighbours in the isolate wait about 20 ms at most. */
export const DRAFT_SLICE = 3;
/** Tokens of a prefill between two pauses: a prefilled token costs less than a drafted one. */
const PREFILL_SLICE = 4;

/** Lets the other events of the isolate run. Another session may take a cache's pages meanwhile. */
export const pause = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 0));

export class ModelDrafter implements Drafter {
  readonly #llama: Llama;
  readonly #cache: KvCache;
  readonly #sampling: Sampling;
  #timeline: readonly number[] = [];

  /** @param cache may hold a prefix of the timeline already, e.g. restored pages; the drafter does not release it */
  constructor(llama: Llama, cache: KvCache, sampling: Sampling) {
    this.#llama = llama;
    this.#cache = cache;
    this.#sampling = sampling;
  }

  /** Confidence from which a lookup copy is proposed without running the model, if the pack names one. */
  get copyConfidence(): number | undefined {
    return this.#llama.header.drafting?.copyConfidence;
  }

  /**
   * Prefills the cache with all of the timeline but its last tokens: at least one, at most PREFILL_SLICE are left to
   * the first pass of `propose`. Rejects with `kv_full`.
   */
  async sync(timeline: readonly number[]): Promise<void> {
    this.#timeline = timeline;
    this.#cache.cut(Math.min(this.#cache.commonPrefix(timeline), timeline.length - 1));
    while (timeline.length - this.#cache.tokens.length > PREFILL_SLICE) {
      const at = this.#cache.tokens.length;
      this.#llama.forward(this.#cache, timeline.slice(at, at + PREFILL_SLICE), 0);
      await pause();
      // Another session may have taken this cache's pages during the pause.
      this.#cache.cut(this.#cache.commonPrefix(timeline));
    }
  }

  async propose(max: number, more: More, others = 0): Promise<readonly Proposed[]> {
    const proposed: Proposed[] = [];
    // Another session may have taken this cache's pages since the last sync. Usually this does nothing.
    await this.sync(this.#timeline);
    let pending = this.#timeline.slice(this.#cache.tokens.length);
    while (proposed.length < max) {
      const position = this.#timeline.length + proposed.length;
      const logits = this.#llama.forward(this.#cache, pending, 1);
      const drawn = drawTokens(this.#llama, logits, this.#sampling, position, Math.max(DRAWN, 1 + others));
      const confidence = chances(drawn, this.#llama.header.drafting?.sigma);
      const candidates = drawn.map(({ id }, i): Candidate => ({ id, confidence: confidence[i]!, source: "model" }));
      const next = { ...candidates[0]!, others: candidates.slice(1, 1 + others) };
      proposed.push(next);
      if (!more(next)) break;
      if (proposed.length % DRAFT_SLICE === 0) {
        await pause();
        if (this.#cache.tokens.length !== position) break;
      }
      pending = [next.id];
    }
    return proposed;
  }
}
