/**
 * The draft model as one Session uses it: the shared weights, this Session's cache in their pool, its stored pages, and
 * its place among the turns that draft. A cache is restored from storage whenever it is empty, be it because the
 * Session was evicted or because another Session in the isolate took the pages.
 */
import type { KvCache } from "../draft/cache.ts";
import type { Llama } from "../draft/llama.ts";
import { ModelDrafter } from "../draft/model-drafter.ts";
import { OutriderError } from "../model/errors.ts";
import type { Drafter, More, Proposed, Sampling } from "../speculate/types.ts";
import { MAX_DRAFT } from "../verify/protocol.ts";
import { Admission } from "./admission.ts";
import type { Env } from "./env.ts";
import type { PageStore } from "./pages.ts";
import { dropWeights, loadedWeights, type Weights } from "./weights.ts";

/** Admission in the pool of KV pages, for the turns that are under way in this isolate. */
const admission = new Admission();

/** What a draft step computes on. */
interface Ready {
  readonly llama: Llama;
  readonly cache: KvCache;
}

/** Lives as long as its Session. Nothing is loaded, read or computed before the first `open`. */
export class SessionDraft {
  readonly #env: Env;
  readonly #pages: PageStore;
  #held: { readonly weights: Weights; readonly cache: KvCache } | undefined;

  constructor(env: Env, pages: PageStore) {
    this.#env = env;
    this.#pages = pages;
  }

  /**
   * The weights and this Session's cache, which may then hold `tokens` tokens; an empty one is filled with what is
   * stored of `timeline`. Throws `kv_full` when other turns leave no room, and what loading throws.
   */
  async open(timeline: readonly number[], tokens: number): Promise<Ready> {
    const weights = await loadedWeights(this.#env);
    if (this.#held?.weights !== weights) this.#held = { weights, cache: weights.llama.newCache() };
    const { llama } = weights;
    const { cache } = this.#held;
    admission.claim(this, tokens, llama.pool.pages, Date.now());
    if (cache.tokens.length === 0) this.#pages.restore(cache, timeline, weights.pack);
    return { llama, cache };
  }

  /** Logs a failure. After a trap the memory is not used again. */
  failed(error: unknown, id: string): void {
    console.warn(id, "the draft failed:", error instanceof OutriderError ? error.message : error);
    if (!(error instanceof WebAssembly.RuntimeError) || !this.#held) return;
    dropWeights(this.#held.weights);
    this.#held = undefined;
  }

  /**
   * Stores what the cache holds of the timeline. A cache that was not used, or lost its pages, leaves the stored ones
   * alone.
   */
  save(timeline: readonly number[]): void {
    if (!this.#held) return;
    const { cache, weights } = this.#held;
    cache.cut(cache.commonPrefix(timeline));
    this.#pages.save(cache, weights.pack);
  }

  /** The turn is over: its pages may be taken. */
  leave(): void {
    admission.leave(this);
  }
}

/**
 * The draft model as the drafter of one turn. A turn that asks for no draft pays for none, and the origin is asked
 * first.
 */
export class TurnDrafter implements Drafter {
  readonly #draft: SessionDraft;
  readonly #sampling: Sampling;
  readonly #id: string;
  #cache: KvCache | undefined;
  #model: ModelDrafter | undefined;
  #cached: number | undefined;

  /** @param id names the turn in the log */
  constructor(draft: SessionDraft, sampling: Sampling, id: string) {
    this.#draft = draft;
    this.#sampling = sampling;
    this.#id = id;
  }

  /** Prompt tokens whose keys and values were held or restored, once the first `sync` has looked. */
  get cached(): number {
    return this.#cached ?? 0;
  }

  /** What the draft's pack says, once it is loaded. */
  get copyConfidence(): number | undefined {
    return this.#model?.copyConfidence;
  }

  sync(timeline: readonly number[]): Promise<void> {
    return this.#watch(async () => {
      const { llama, cache } = await this.#draft.open(timeline, timeline.length + MAX_DRAFT);
      // Another Session's trap may have made everybody load anew.
      if (this.#cache !== cache) this.#model = new ModelDrafter(llama, cache, this.#sampling);
      this.#cache = cache;
      this.#cached ??= cache.commonPrefix(timeline);
      await this.#model?.sync(timeline);
    });
  }

  propose(max: number, more: More, others?: number): Promise<readonly Proposed[]> {
    return this.#watch(() => (this.#model as ModelDrafter).propose(max, more, others));
  }

  async #watch<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      this.#draft.failed(error, this.#id);
      throw error;
    }
  }
}
