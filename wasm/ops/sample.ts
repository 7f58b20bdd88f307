// What a drafter asks of its logits: a token drawn by the Gumbel-max trick (Gumbel 1954), and ln Σ e^x for
// probabilities.
import { lanes } from "../lib/constants";
import { atLeastMinus60, exp4 } from "../lib/exp";
import { log64 } from "../lib/log";
import { gumbel, gumbelBound } from "../lib/noise";
import { max4, sum4 } from "../lib/reduce";
import { argmax } from "./argmax";

// More than the f32 bounds are off by.
const MARGIN: f64 = 1e-4;

@inline function tokenOf(ids: usize, i: i32): u32 {
  return ids ? load<u32>(ids + <usize>(i << 2)) : i;
}

// As chooseToken of src/core/speculate/sample.ts: the noise itself, in f64, only for tokens that a bound does not rule out.
export function gumbelArgmax(x: usize, n: i32, ids: usize, scale: f64, floor: f64, a: i32, b: i32): i32 {
  let winner = argmax(x, n);
  const top = load<f32>(x + <usize>(winner << 2));
  let best = gumbel(tokenOf(ids, winner), a, b);
  let bar = f32x4.splat(<f32>(best - MARGIN));
  const tops = f32x4.splat(top);
  const scales = f32x4.splat(<f32>scale);
  const as4 = i32x4.splat(a);
  const bs4 = i32x4.splat(b);
  for (let k = 0; k < n; k += 4) {
    const tokens = ids ? v128.load(ids + <usize>(k << 2)) : i32x4.add(i32x4.splat(k), lanes());
    const noise = gumbelBound(tokens, as4, bs4);
    const bound = f32x4.add(f32x4.mul(f32x4.sub(v128.load(x + <usize>(k << 2)), tops), scales), noise);
    if (!v128.any_true(f32x4.gt(bound, bar))) continue;
    const end = min(k + 4, n);
    for (let i = k; i < end; i++) {
      const v = (<f64>load<f32>(x + <usize>(i << 2)) - <f64>top) * scale;
      if (!(v >= floor)) continue;
      const score = v + gumbel(tokenOf(ids, i), a, b);
      if (score > best) {
        best = score;
        winner = i;
        bar = f32x4.splat(<f32>(best - MARGIN));
      }
    }
  }
  return winner;
}

@inline function exps(x: v128, tops: v128, scales: v128): v128 {
  return exp4(atLeastMinus60(f32x4.mul(f32x4.sub(x, tops), scales)));
}

export function logSumExp(x: usize, n: i32, scale: f64): f64 {
  const top = load<f32>(x + <usize>(argmax(x, n) << 2));
  const tops = f32x4.splat(top);
  const scales = f32x4.splat(<f32>scale);
  const whole = n & ~3;
  let total = f32x4.splat(0);
  for (let k = 0; k < whole; k += 4) total = f32x4.add(total, exps(v128.load(x + <usize>(k << 2)), tops, scales));
  if (whole < n) {
    const at = x + <usize>(whole << 2);
    // Lanes that are not there count e^−60, which is nothing beside the largest's 1.
    let rest = f32x4.replace_lane(f32x4.splat(-Infinity), 0, load<f32>(at));
    if (whole + 1 < n) rest = f32x4.replace_lane(rest, 1, load<f32>(at, 4));
    if (whole + 2 < n) rest = f32x4.replace_lane(rest, 2, load<f32>(at, 8));
    total = f32x4.add(total, exps(rest, tops, scales));
  }
  return <f64>top * scale + log64(<f64>sum4(total));
}

export function gatherAbove(x: usize, n: i32, cut: f32, out: usize, room: i32): i32 {
  const cuts = f32x4.splat(cut);
  let count = 0;
  for (let k = 0; k < n; k += 4) {
    if (!v128.any_true(f32x4.ge(v128.load(x + <usize>(k << 2)), cuts))) continue;
    const end = min(k + 4, n);
    for (let i = k; i < end; i++) {
      const v = load<f32>(x + <usize>(i << 2));
      if (!(v >= cut)) continue;
      if (count < room) store<f32>(out + <usize>(count << 2), v);
      count++;
    }
  }
  return count;
}
