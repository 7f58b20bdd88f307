/** Seeded choices, and the loop that makes different questions of them. */
import { noiseBits, noiseKey } from "../../core/model/noise.ts";

/** Random choices of one question. */
export interface Draw {
  /** One of a list. */
  of<T>(list: readonly T[]): T;
  /** A whole number from `low` to `high`. */
  number(low: number, high: number): number;
}

/** The choices of question number `n` of a seed. */
export function draws(seed: number, n: number): Draw {
  const key = noiseKey(seed, n);
  let drawn = 0;
  const uniform = () => noiseBits(key, drawn++) / 2 ** 32;
  return {
    number: (low, high) => low + Math.floor(uniform() * (high - low + 1)),
    of: (list) => list[Math.floor(uniform() * list.length)]!,
  };
}

/**
 * `count` different questions, each the user's turns of a conversation; fewer if chance finds no new ones. `ask` makes
 * the question of number `n` from the choices it draws.
 */
export function* different(
  count: number,
  seed: number,
  ask: (n: number, draw: Draw) => readonly string[],
): Generator<readonly string[]> {
  const seen = new Set<string>();
  for (let n = 0; seen.size < count && n < 20 * count; n++) {
    const turns = ask(n, draws(seed, n));
    const text = turns.join("\n");
    if (seen.has(text)) continue;
    seen.add(text);
    yield turns;
  }
}
