/**
 * The attention that positions got, for policies that choose by it. It is a history and no function of the pages: a
 * cache that was restored begins without, and its newest keys then win. Layers and heads count apart.
 */
import type { KvCache } from "../cache.ts";
import type { MassScores } from "./policy.ts";

interface Head {
  /** By position. Below 0: let go of for good. */
  mass: Float32Array;
  /** What was chosen of the prompt, where that is done once. */
  chosen?: Int32Array | undefined;
}

/** The last queries of a prompt that count there: the observation window of SnapKV. */
const OBSERVED = 32;

export class Mass {
  readonly #scores: MassScores;
  readonly #kvHeads: readonly number[];
  readonly #known = new WeakMap<KvCache, Head[][]>();
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
    const heads =
      this.#known.get(cache) ??
      this.#kvHeads.map((count) => Array.from({ length: count }, (): Head => ({ mass: new Float32Array(0) })));
    this.#known.set(cache, heads);
    this.#heads = heads;
    // A prompt goes on: what was chosen of it is chosen anew.
    if (!sparse) for (const layer of heads) for (const head of layer) head.chosen = undefined;
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
      const known = head.chosen.filter((position) => position < end);
      const later = Array.from({ length: end - head.chosen.at(-1)! - 1 }, (_, i) => head.chosen!.at(-1)! + 1 + i);
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
    if (this.#scores.observed === "prompt") head.chosen = Int32Array.from([...chosen, end - 1].filter(unique));
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

const unique = (value: number, at: number, all: readonly number[]): boolean => all.indexOf(value) === at;
