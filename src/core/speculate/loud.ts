/**
 * The tokens with the largest noise at a position. Without a filter any token may win by its noise, however unlikely,
 * but the noise is known before the logits are. Where an engine tells the logits of the N likeliest tokens and of the
 * loud ones, every other token has x ≤ x_N and noise ≤ level: it loses to whoever exceeds x_N + level.
 */
import { gumbel, noiseBits, noiseKey } from "../model/noise.ts";
import type { Sampling } from "./types.ts";

export interface Loud {
  /** Tokens whose noise exceeds `level`. */
  readonly ids: readonly number[];
  readonly level: number;
}

/**
 * @param V size of the vocabulary
 * @param count how many to expect; how many there are depends on the noise
 */
export function loudTokens(V: number, seed: number, position: number, count: number): Loud {
  const key = noiseKey(seed, position);
  const levelBits = Math.floor(4294967296 * (1 - Math.min(1, count / V)));
  const ids: number[] = [];
  for (let id = 0; id < V; id++) {
    if (noiseBits(key, id) > levelBits) ids.push(id);
  }
  return { ids, level: gumbel(levelBits) };
}

/**
 * What an engine that takes biases adds to loud tokens: temperature · (noise − level), in f32. For no token does
 * logit + temperature · (noise − level) then exceed the largest biased logit.
 */
export function loudBiases(
  { ids, level }: Loud,
  { temperature, seed }: Sampling,
  position: number,
): Map<number, number> {
  const key = noiseKey(seed, position);
  return new Map(ids.map((id) => [id, Math.fround(temperature * (gumbel(noiseBits(key, id)) - level))]));
}

/** Positions that are remembered: those of a hundred sequences. */
const REMEMBERED = 1000;

/**
 * `loudTokens` of positions that come again: passes over a draft overlap, and a vocabulary of 152,000 tokens takes half
 * a millisecond.
 */
export class LoudPositions {
  readonly #V: number;
  readonly #count: number;
  /** In the order in which they were last asked for. */
  readonly #known = new Map<string, Loud>();

  constructor(V: number, count: number) {
    this.#V = V;
    this.#count = count;
  }

  at(seed: number, position: number): Loud {
    const name = `${seed} ${position}`;
    const loud = this.#known.get(name) ?? loudTokens(this.#V, seed, position, this.#count);
    this.#known.delete(name);
    this.#known.set(name, loud);
    if (this.#known.size > REMEMBERED) this.#known.delete(this.#known.keys().next().value!);
    return loud;
  }
}
