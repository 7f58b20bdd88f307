/**
 * What a policy decides: which keys the attention of a draft step reads. A policy is a row of `POLICIES`
 * (draft/keeping.ts) and one file; `keeper.ts` carries it out. Everything is kept, so a policy can change how fast and
 * how well is drafted and nothing else.
 *
 * Of the `most` keys that a step may read of `count`, some are always the first ones (`sinks`) and the newest
 * (`recent`). What is left goes to those between with the best scores. Keys of the newest page that is not full are
 * always read: no index has them.
 */

/** Scores from an index: rows that stand for the keys of a page, and a probe that they are multiplied by. */
export interface IndexScores {
  readonly kind: "index";
  /** Rows of a page and key/value head; a multiple of four. With one a token, tokens can be chosen. */
  readonly rows: number;
  /** Channels of a row, a multiple of four. `skewed`: of the skew, 0 where the pack has none. */
  width(headSize: number, skewed: number): number;
  /** Rows (rows, width) of the keys (32, D) of one page. `skew` is (width, D), where the policy asks for it. */
  fill(keys: Float32Array, headSize: number, skew: Float32Array, rows: Float32Array): void;
  /** What the rows are multiplied by, (width), for a query (D). */
  probe(query: Float32Array, skew: Float32Array, probe: Float32Array): void;
  /** Whether it needs the pack's skew (compress/stages/skew.ts). */
  readonly skewed: boolean;
  /** Asks with the query that the layer before foretells, not with the layer's own. */
  readonly ahead: boolean;
  /** Rows whose score is more than this below the best are not read, in logits of attention; none is too far if ∞. */
  readonly reach: number;
}

/** Scores from the attention that positions got. */
export interface MassScores {
  readonly kind: "mass";
  /** Queries whose attention counts: all, or the last of the prompt. */
  readonly observed: "all" | "prompt";
  /** A position also counts for this many neighbours on each side. */
  readonly pooled: number;
}

export interface Policy {
  /** What is chosen: single tokens, or pages of 32. */
  readonly unit: "token" | "page";
  /** First layers that read all keys. */
  readonly whole: number;
  sinks(most: number): number;
  recent(most: number): number;
  /** Absent where nothing between the first and the newest is read. */
  readonly scores?: IndexScores | MassScores;
}
