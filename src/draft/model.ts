/**
 * A Llama loaded into WASM memory: weights once, a pool of KV pages, scratch for one forward pass.
 * Both the drafter at the edge and the wasm engine at the origin run on it.
 */
import type { PackHeader } from "../format/pack-header.ts";
import type { KvCache } from "./cache.ts";

export interface LoadOptions {
  /** KV pages of 32 tokens in the pool, shared by all caches. */ readonly pages: number;
}

/** Yields the bytes of shard `index` in order, having checked them against the header's SHA-256 by its end. */
export type ShardReader = (index: number) => AsyncIterable<Uint8Array>;

export interface Llama {
  readonly header: PackHeader;
  /** An empty cache that takes pages from the pool as it grows. */
  newCache(): KvCache;
  /**
   * Appends `tokens` to the cache (any number; long runs are cut into chunks) and returns the logits of the last
   * `rows` of them: rows × V floats, a view that the next call overwrites. Synchronous.
   * Throws `kv_full` when the pool cannot hold the timeline even after evicting other caches, `bad_token` for an id outside V.
   */
  forward(cache: KvCache, tokens: readonly number[], rows: number): Float32Array;
}
