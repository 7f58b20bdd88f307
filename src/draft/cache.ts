/** KV state of one timeline. */
export interface KvCache {
  /** The tokens whose keys and values are held, in order. */ readonly tokens: readonly number[];
  /** Forgets everything from position `length` on. */ cut(length: number): void;
  /** Gives all pages back to the pool. */ release(): void;
  /** Copies page `index` (32 tokens) out, e.g. for storage. */ exportPage(index: number): Uint8Array;
  /** Appends one stored page holding `tokens` (at most 32; only the last page may be partial). */ importPage(
    tokens: readonly number[],
    bytes: Uint8Array,
  ): void;
}
