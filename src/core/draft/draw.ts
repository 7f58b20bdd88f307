/**
 * The drafter's draw: the token that `chooseToken` (speculate/sample.ts) would draw from the same logits, with each
 * pass over the vocabulary in WASM. The thresholds of top_p and min_p come from f32 sums here. Where one falls on the
 * other side of a token than the target's, the draft is rejected; nothing else happens.
 */
import { gumbel, noiseBits, noiseKey } from "../model/noise.ts";
import { badLogits, keepFloor } from "../speculate/sample.ts";
import type { Sampling } from "../speculate/types.ts";
import type { Llama } from "./llama.ts";

/** The logits that a `Llama` holds after a forward. */
export type Logits = Pick<Llama, "tokens" | "argmax" | "gumbelArgmax" | "logSumExp" | "logitsAbove">;

export interface Drawn {
  readonly id: number;
  /** Its logit plus temperature times its noise: what the draw maximises. */
  readonly score: number;
}

/** Distances below the largest logit, in temperatures, within which the thresholds of top_k and top_p are searched. */
const REACHES = [3, 6, 12];

/** Rounding that a floor counted from a smaller maximum may carry. */
const FLOOR_SLACK = 1e-5;

/**
 * At most `count` tokens at `position` from `logits` (V), row 0 of the last forward of `llama`, scores falling: the one
 * that is drawn, then the one that would be drawn without the first, and so on. Overwrites the logits of all but the
 * last with −∞. Throws `bad_logits` unless a logit is finite.
 */
export function drawTokens(
  llama: Logits,
  logits: Float32Array,
  sampling: Sampling,
  position: number,
  count: number,
): Drawn[] {
  let likeliest = llama.argmax(0);
  const highest = logits[llama.tokens.rowOf(likeliest)]!;
  if (!Number.isFinite(highest)) throw badLogits();
  const greedy = sampling.temperature === 0;
  const scale = greedy ? 1 : 1 / sampling.temperature;
  const lowest = greedy
    ? -Number.MAX_VALUE
    : (nearFloor(llama, highest, sampling) ?? keepFloor(logits, highest, sampling));
  const key = noiseKey(sampling.seed, position);
  const drawn: Drawn[] = [];
  for (;;) {
    // The kernel counts the floor from the largest logit that is left. Rounding must not drop the token on the floor.
    const lower = (highest - logits[llama.tokens.rowOf(likeliest)]!) * scale;
    const floor = lower > 0 ? lowest + lower - FLOOR_SLACK : lowest;
    const id = greedy ? likeliest : llama.gumbelArgmax(0, scale, floor, key);
    const row = llama.tokens.rowOf(id);
    drawn.push({ id, score: logits[row]! + sampling.temperature * gumbel(noiseBits(key, id)) });
    if (drawn.length === count) return drawn;
    logits[row] = Number.NEGATIVE_INFINITY;
    likeliest = llama.argmax(0);
    const top = logits[llama.tokens.rowOf(likeliest)]!;
    if (!Number.isFinite(top) || (top - highest) * scale < lowest) return drawn;
  }
}

/** `keepFloor`, computed from the few logits near the top alone; undefined where these do not decide it. */
function nearFloor(llama: Logits, top: number, { temperature, topK, topP, minP }: Sampling): number | undefined {
  const scale = 1 / temperature;
  const least = minP > 0 ? Math.log(minP) : -Number.MAX_VALUE;
  if (topK === 0 && topP >= 1) return least;
  const mass = topK === 0 ? Math.exp(llama.logSumExp(0, scale) - top * scale) : undefined;
  for (const reach of REACHES) {
    const near = llama.logitsAbove(0, top - reach * temperature);
    if (near === undefined) return undefined;
    if (near.length < topK) continue;
    // The same product as in gumbelArgmax, so that the comparison with the floor has the same bits.
    const x = Float64Array.from(near.sort().reverse(), (logit) => (logit - top) * scale);
    const floor = floorAmong(x, topK, topP, mass);
    if (floor !== undefined) return Math.max(floor, least);
  }
  return undefined;
}

/**
 * The floor that top_k and top_p set, from the largest scaled logits `x`, falling. `mass` is Σ e^x over the vocabulary
 * where there is no top_k; else top_p counts from the mass that top_k keeps. Undefined where `x` holds less than top_p
 * of it.
 */
function floorAmong(x: Float64Array, topK: number, topP: number, mass: number | undefined): number | undefined {
  const kth = topK > 0 ? x[topK - 1]! : Number.NEGATIVE_INFINITY;
  if (topP >= 1) return kth;
  // Tokens that tie with the k-th are kept.
  const kept = x.filter((value) => value >= kth).map(Math.exp);
  const goal = topP * (mass ?? kept.reduce((sum, e) => sum + e, 0));
  let sum = 0;
  for (let i = 0; i < kept.length; i++) {
    sum += kept[i]!;
    if (sum >= goal) return x[i]!;
  }
  return mass === undefined ? kth : undefined;
}
