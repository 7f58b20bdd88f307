/**
 * The Session's drafter: the draft model over a cache that is restored from storage whenever it is empty, be it because
 * the Session was evicted or because another Session in the isolate took the pages. Nothing is loaded, read or computed
 * before the first `sync`, so a turn that asks for no draft pays for none, and the origin is asked first.
 */
import type { KvCache } from "../draft/cache.ts";
import type { Llama } from "../draft/llama.ts";
import { ModelDrafter } from "../draft/model-drafter.ts";
import type { Drafter, More, Proposed, Sampling } from "../speculate/types.ts";
import { MAX_DRAFT } from "../verify/protocol.ts";

/** Where the weights, the room and the stored pages come from. */
export interface DraftSource {
  /** The loaded draft and this Session's cache in its pool. */
  load(): Promise<{ llama: Llama; cache: KvCache }>;
  /** Called before the cache is to hold that many tokens. Throws `kv_full` when there is no room. */
  claim(tokens: number): void;
  /** Fills an empty cache with what is stored of `timeline`. */
  restore(cache: KvCache, timeline: readonly number[]): void;
  /** Told of every failure of the draft; after a trap its memory must not be used again. */
  failed(error: unknown): void;
}

export class SessionDrafter implements Drafter {
  readonly #source: DraftSource;
  readonly #sampling: Sampling;
  #model: ModelDrafter | undefined;
  #cache: KvCache | undefined;
  #cached: number | undefined;

  constructor(source: DraftSource, sampling: Sampling) {
    this.#source = source;
    this.#sampling = sampling;
  }

  /** Prompt tokens whose keys and values were held or restored, once the first `sync` has looked. */
  get cached(): number {
    return this.#cached ?? 0;
  }

  sync(timeline: readonly number[]): Promise<void> {
    return this.#watch(async () => {
      if (!this.#model) {
        const { llama, cache } = await this.#source.load();
        this.#model = new ModelDrafter(llama, cache, this.#sampling);
        this.#cache = cache;
      }
      const cache = this.#cache as KvCache;
      this.#source.claim(timeline.length + MAX_DRAFT);
      if (cache.tokens.length === 0) this.#source.restore(cache, timeline);
      this.#cached ??= cache.commonPrefix(timeline);
      await this.#model.sync(timeline);
    });
  }

  propose(max: number, more: More, others?: number): Promise<readonly Proposed[]> {
    return this.#watch(() => (this.#model as ModelDrafter).propose(max, more, others));
  }

  async #watch<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      this.#source.failed(error);
      throw error;
    }
  }
}
