/**
 * The attention that positions got, for policies that choose by it. It is a history and no function of the pages: a
 * cache that was restored begins without, and its newest keys then win. Layers and heads count apart. Positions are
 * those among the held pages: where a bounded cache lets go of a page, the history goes with it.
 */
import { PAGE_TOKENS } from "../../kernels/abi.ts";
import type { KvCache } from "../cache.ts";
import type { MassScores } from "./policy.ts";

/** What is known of one cache. */
interface History {
  readonly heads: Head[][];
  /** Pages that were out at the last pass. */
  out: number;
}

interface Head {
  /** By position. Below 0: let go of for good. */
  mass: Float32Array;
  /** What was chosen of the prompt, where that is done once, and the position from which on all is read. */
  chosen?: { readonly positions: Int32Array; readonly since: number } | undefined;
}

/** The last queries of a prompt that count there: the observation window of SnapKV. */
const OBSERVED = 32;

export class Mass {
  readonly #scores: MassScores;
  readonly #kvHeads: readonly number[];
  readonly #known = new WeakMap<KvCache, History>();
  #heads: Head[][] = [];

  constructor(scores: MassScores, layers: readonly { readonly kvHeads: number }[]) {
    this.#scores = scores;
    this.#kvHeads = layers.map(({ kvHeads }) => kvHeads);
  }

  /** Whether every query counts, those of draft steps included. */
  get all(): boolean {
    return this.#scores.observed === "all";
  }

  /** The history of `cache` is meant from now on. */
  begin(cache: KvCache, sparse: boolean): void {
    const heads = (): Head[][] =>
      this.#kvHeads.map((count) => Array.from({ length: count }, (): Head => ({ mass: new Float32Array(0) })));
    const history = this.#known.get(cache) ?? { heads: heads(), out: cache.out };
    this.#known.set(cache, history);
    const gone = (cache.out - history.out) * PAGE_TOKENS;
    history.out = cache.out;
    this.#heads = history.heads;
    for (const head of history.heads.flat()) {
      if (gone > 0) letGo(head, gone);
      // What was cut off is forgotten.
      head.mass.fill(0, cache.slots);
      // A prompt goes on: what was chosen of it is chosen anew.
      if (!sparse) head.chosen = undefined;
    }
  }

  /** Adds what the first positions got of one query. */
  add(layer: number, g: number, shares: Float32Array): void {
    const head = this.#head(layer, g, shares.length);
    const keep = this.#scores.observed === "prompt" ? 1 - 1 / OBSERVED : 1;
    for (let i = 0; i < shares.length; i++) head.mass[i] = keep * head.mass[i]! + shares[i]!;
  }

  /** Adds what these positions got of one query; every other position is let go of. */
  addAt(layer: number, g: number, positions: Int32Array, shares: Float32Array): void {
    const { mass } = this.#head(layer, g, positions.at(-1)! + 1);
    let next = 0;
    for (let i = 0; i <= positions.at(-1)!; i++) {
      if (i === positions[next]) mass[i] = Math.max(0, mass[i]!) + shares[next++]!;
      else mass[i] = -1;
    }
  }

  /** Writes the `left` best of the positions `from` … `end` − 1, rising; returns how many were there. */
  choose(layer: number, g: number, from: number, end: number, left: number, out: Int32Array): number {
    const head = this.#head(layer, g, end);
    if (this.#scores.observed === "prompt" && head.chosen) {
      const { positions, since } = head.chosen;
      const known = positions.filter((position) => position < Math.min(since, end));
      const later = Array.from({ length: Math.max(0, end - since) }, (_, i) => since + i);
      out.set([...known, ...later]);
      return known.length + later.length;
    }
    const { mass } = head;
    const reach = this.#scores.pooled;
    const score = (i: number): number => {
      let best = mass[i]!;
      for (let j = Math.max(from, i - reach); j <= Math.min(end - 1, i + reach); j++) best = Math.max(best, mass[j]!);
      return best;
    };
    const candidates = Array.from({ length: end - from }, (_, i) => from + i)
      .filter((i) => mass[i]! >= 0)
      .map((i) => [i, score(i)] as const)
      .sort((a, b) => b[1] - a[1] || a[0] - b[0]);
    const chosen = candidates
      .slice(0, left)
      .map(([i]) => i)
      .sort((a, b) => a - b);
    // The observed prompt ends where the choice is made.
    if (this.#scores.observed === "prompt") head.chosen = { positions: Int32Array.from(chosen), since: end - 1 };
    out.set(chosen);
    return chosen.length;
  }

  #head(layer: number, g: number, length: number): Head {
    const head = this.#heads[layer]![g]!;
    if (head.mass.length < length) {
      const longer = new Float32Array(Math.max(length, 2 * head.mass.length));
      longer.set(head.mass);
      head.mass = longer;
    }
    return head;
  }
}

/** Forgets the oldest `gone` positions behind the first page; later ones move up. */
function letGo(head: Head, gone: number): void {
  const { mass, chosen } = head;
  const end = PAGE_TOKENS + gone;
  mass.copyWithin(PAGE_TOKENS, end);
  mass.fill(0, Math.max(PAGE_TOKENS, mass.length - gone));
  if (!chosen) return;
  const moved = (position: number): number => (position < PAGE_TOKENS ? position : position - gone);
  const positions = chosen.positions.filter((position) => position < PAGE_TOKENS || position >= end).map(moved);
  head.chosen = { positions, since: Math.max(PAGE_TOKENS, chosen.since - gone) };
}
