/**
 * The drafter's token: what `chooseToken` (speculate/sample.ts) would draw from its logits, but that each pass over the
 * vocabulary is in WASM. A threshold that f32 sums put on the other side of a token costs a rejected draft, nothing else.
 */
import { noiseKey } from "../speculate/noise.ts";
import { badLogits, keepFloor } from "../speculate/sample.ts";
import type { Sampling } from "../speculate/types.ts";
import type { Llama } from "./model.ts";

/** The logits that a `Llama` holds after a forward. */
export type Logits = Pick<Llama, "tokens" | "argmax" | "gumbelArgmax" | "logSumExp" | "logitsAbove">;

/** How far below the largest the thresholds of top_k and top_p are looked for, until found. */
const REACHES = [3, 6, 12];

/** The token drawn at `position` from `logits`, row 0 of the last forward of `llama`. Throws `bad_logits` if none is a finite number. */
export function drawToken(llama: Logits, logits: Float32Array, sampling: Sampling, position: number): number {
  const likeliest = llama.argmax(0);
  const top = logits[llama.tokens.rowOf(likeliest)]!;
  if (!Number.isFinite(top)) throw badLogits();
  if (sampling.temperature === 0) return likeliest;
  const floor = nearFloor(llama, top, sampling) ?? keepFloor(logits, top, sampling);
  return llama.gumbelArgmax(0, 1 / sampling.temperature, floor, noiseKey(sampling.seed, position));
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
