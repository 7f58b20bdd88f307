/**
 * The drafter's token: what `chooseToken` (speculate/sample.ts) would draw from its logits, but that each pass over the
 * vocabulary is in WASM. A threshold that f32 sums put on the other side of a token costs a rejected draft, nothing else.
 */
import { gumbel, noiseBits, noiseKey } from "../model/noise.ts";
import { badLogits, keepFloor } from "../speculate/sample.ts";
import type { Sampling } from "../speculate/types.ts";
import type { Llama } from "./llama.ts";

/** The logits that a `Llama` holds after a forward. */
export type Logits = Pick<Llama, "tokens" | "argmax" | "gumbelArgmax" | "logSumExp" | "logitsAbove">;

export interface Drawn {
  readonly id: number;
  /** What it was drawn for: its logit, and the temperature times its noise. */
  readonly score: number;
}

/** How far below the largest the thresholds of top_k and top_p are looked for, until found. */
const REACHES = [3, 6, 12];

const FLOOR_SLACK = 1e-5;

/** The token drawn at `position` from `logits`, row 0 of the last forward of `llama`. Throws `bad_logits` if none is a finite number. */
export const drawToken = (llama: Logits, logits: Float32Array, sampling: Sampling, position: number): number =>
  drawTokens(llama, logits, sampling, position, 1)[0]!.id;

/**
 * That token, and those that would be drawn if the ones before were not there, at most `count` in all, scores falling; the logits
 * of all but the last are then gone from `logits`. Throws `bad_logits` if none is a finite number.
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
    // The kernel counts the floor from the largest that is left; rounding that must not cost the token that lies on it.
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

/** `keepFloor` from the few logits near the top; undefined where these do not decide it. */
function nearFloor(llama: Logits, top: number, { temperature, topK, topP, minP }: Sampling): number | undefined {
  const scale = 1 / temperature;
  const least = minP > 0 ? Math.log(minP) : -Number.MAX_VALUE;
  if (topK === 0 && topP >= 1) return least;
  const mass = topK === 0 ? Math.exp(llama.logSumExp(0, scale) - top * scale) : undefined;
  for (const reach of REACHES) {
    const near = llama.logitsAbove(0, top - reach * temperature);
    if (near === undefined) return undefined;
    if (near.length < topK) continue;
    // The very product that gumbelArgmax compares with the floor.
    const x = Float64Array.from(near.sort().reverse(), (logit) => (logit - top) * scale);
    const floor = floorAmong(x, topK, topP, mass);
    if (floor !== undefined) return Math.max(floor, least);
  }
  return undefined;
}

/** The floor among the largest x, falling; undefined if they hold less than topP of `mass`, or of the mass that topK keeps. */
function floorAmong(x: Float64Array, topK: number, topP: number, mass: number | undefined): number | undefined {
  const kth = topK > 0 ? x[topK - 1]! : Number.NEGATIVE_INFINITY;
  if (topP >= 1) return kth;
  // Tokens tied with the k-th stay.
  const kept = x.filter((value) => value >= kth).map(Math.exp);
  const goal = topP * (mass ?? kept.reduce((sum, e) => sum + e, 0));
  let sum = 0;
  for (let i = 0; i < kept.length; i++) {
    sum += kept[i]!;
    if (sum >= goal) return x[i]!;
  }
  return mass === undefined ? kth : undefined;
}
