/**
 * The draft model as one Session uses it: the shared weights, this Session's cache in their pool, its stored pages, and
 * its place among the turns that draft. A cache is restored from storage whenever it is empty, be it because the
 * Session was evicted or because another Session in the isolate took the pages.
 */
import type { KvCache } from "../../core/draft/cache.ts";
import { AHEAD_PAGES, ModelDrafter, READ_AT_ONCE } from "../../core/draft/model-drafter.ts";
import type { Drafting } from "../../core/format/pack-header.ts";
import { PAGE_TOKENS } from "../../core/kernels/abi.ts";
import { OutriderError } from "../../core/model/errors.ts";
import type { Choosing } from "../../core/speculate/shaping.ts";
import type { Drafter, More, Proposed } from "../../core/speculate/types.ts";
import { MAX_DRAFT } from "../../core/verify/protocol.ts";
import type { Env } from "../env.ts";
import type { PageStore } from "../store/pages.ts";
import { Admission } from "./admission.ts";
import { conversationPages } from "./budget.ts";
import type { CpuBudget } from "./cpu-budget.ts";
import { dropWeights, loadedWeights, type Weights } from "./weights.ts";

/** Admission in the pool of KV pages, for the turns that are under way in this isolate. */
const admission = new Admission();

/** The shared weights, and what a Session has of their pool. */
interface Caches {
  readonly weights: Weights;
  readonly cache: KvCache;
  /** Reads ahead where the timeline is long; absent where the pool has no room for it. */
  readonly ahead: KvCache | undefined;
}

/** Lives as long as its Session. Nothing is loaded, read or computed before the first `open`. */
export class SessionDraft {
  readonly #env: Env;
  readonly #pages: PageStore;
  #caches: Caches | undefined;

  constructor(env: Env, pages: PageStore) {
    this.#env = env;
    this.#pages = pages;
  }

  /**
   * The weights and this Session's cache, which may then hold `tokens` tokens; an empty one is filled with what is
   * stored of `timeline`. Throws `kv_full` when other turns leave no room, and what loading throws.
   */
  async open(timeline: readonly number[], tokens: number): Promise<Caches> {
    const weights = await loadedWeights(this.#env);
    if (this.#caches?.weights !== weights) this.#caches = cachesOf(weights);
    const { cache, ahead } = this.#caches;
    const behind = timeline.length - cache.commonPrefix(timeline);
    const most = cache.most + (ahead && behind > READ_AT_ONCE ? ahead.most : 0);
    admission.claim(this, Math.min(tokens, most * PAGE_TOKENS), weights.llama.pool.pages, Date.now());
    if (cache.tokens.length === 0) this.#pages.restore(cache, timeline, weights.pack);
    return this.#caches;
  }

  /** Logs a failure. After a trap the memory is not used again. */
  failed(error: unknown, id: string): void {
    console.warn(id, "the draft failed:", error instanceof OutriderError ? error.message : error);
    if (!(error instanceof WebAssembly.RuntimeError) || !this.#caches) return;
    dropWeights(this.#caches.weights);
    this.#caches = undefined;
  }

  /**
   * Stores what the cache holds of the timeline. A cache that was not used, or lost its pages, leaves the stored ones
   * alone.
   */
  save(timeline: readonly number[]): void {
    if (!this.#caches) return;
    const { cache, weights } = this.#caches;
    cache.cut(cache.commonPrefix(timeline));
    this.#pages.save(cache, weights.pack);
  }

  /** Bytes of a stored page; 0 before the draft has been used. */
  get pageBytes(): number {
    return this.#caches?.weights.llama.pool.atRest.bytes ?? 0;
  }

  /** The turn is over: its pages may be taken. */
  leave(): void {
    admission.leave(this);
  }
}

function cachesOf(weights: Weights): Caches {
  const { llama, held } = weights;
  const { pages } = llama.pool;
  const most = conversationPages(pages, held);
  const ahead = most + AHEAD_PAGES <= pages ? llama.newCache(AHEAD_PAGES) : undefined;
  return { weights, cache: llama.newCache(most), ahead };
}

/**
 * The draft model as the drafter of one turn. A turn that asks for no draft pays for none, and the origin is asked
 * first.
 */
export class TurnDrafter implements Drafter {
  readonly #draft: SessionDraft;
  readonly #choosing: Choosing;
  readonly #id: string;
  readonly #budget: CpuBudget;
  #cache: KvCache | undefined;
  #model: ModelDrafter | undefined;
  #cached: number | undefined;

  /** @param id names the turn in the log */
  constructor(draft: SessionDraft, choosing: Choosing, id: string, budget: CpuBudget) {
    this.#draft = draft;
    this.#choosing = choosing;
    this.#id = id;
    this.#budget = budget;
  }

  /** Prompt tokens whose keys and values were held or restored, once the first `sync` has looked. */
  get cached(): number {
    return this.#cached ?? 0;
  }

  /** Tokens of the context that the last drafts were made from. */
  get read(): number {
    return this.#model?.read ?? 0;
  }

  /** What the draft's pack says, once it is loaded. */
  get drafting(): Drafting | undefined {
    return this.#model?.drafting;
  }

  sync(timeline: readonly number[]): Promise<void> {
    return this.#watch(async () => {
      if (!this.#budget.affords(0)) return;
      const { weights, cache, ahead } = await this.#draft.open(timeline, timeline.length + MAX_DRAFT);
      const { work } = this.#budget;
      // Another Session's trap may have made everybody load anew.
      if (this.#cache !== cache) this.#model = new ModelDrafter(weights.llama, cache, this.#choosing, ahead, work);
      this.#cache = cache;
      this.#cached ??= cache.commonPrefix(timeline);
      // Of a long text, drafts wait for the newest tokens only.
      const unread = Math.min(timeline.length - cache.commonPrefix(timeline), READ_AT_ONCE);
      if (this.#budget.affords(unread)) await this.#model?.sync(timeline);
    });
  }

  /** Proposes nothing once the budget has been spent. */
  propose(max: number, more: More, others?: number): Promise<readonly Proposed[]> {
    return this.#watch(async () => {
      if (!this.#budget.affords(0)) return [];
      return (this.#model as ModelDrafter).propose(max, (last) => more(last) && this.#budget.affords(0), others);
    });
  }

  settle(more: () => boolean): Promise<void> {
    return this.#watch(async () => this.#model?.settle(() => more() && this.#budget.affords(0)));
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
