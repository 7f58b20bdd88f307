// How much attention each position gets, for policies that keep keys by it (src/core/draft/keeping).
import { minusSixty } from "../lib/constants";
import { exp4 } from "../lib/exp";
import { pageOf } from "../lib/page";
import { max4, sum4 } from "../lib/reduce";
import { pageScores, quantiseQuery } from "../lib/scores";

// mass[0 … count) += the share of each position in the attention of `heads` queries, one head after the other.
export function addAttention(
  q: usize, heads: i32, D: i32, pages: usize, blockOffset: usize, count: i32, mass: usize, scratch: usize,
): void {
  const scores = scratch + <usize>(D << 1);
  const padded = (count + 7) & ~7;
  for (let h = 0; h < heads; h++) {
    const scale = f32x4.splat(quantiseQuery(q + <usize>((h * D) << 2), D, scratch));
    for (let start = 0; start < count; start += 32) {
      const block = pageOf(pages, start) + blockOffset;
      const at = scores + <usize>(start << 2);
      pageScores(1, block, min(32, count - start), D, scratch, scale, scale, scale, scale, at, 0);
    }
    for (let i = count; i < padded; i++) store<f32>(scores + <usize>(i << 2), -Infinity);
    let peak = f32x4.splat(-Infinity);
    for (let i = 0; i < padded; i += 4) peak = f32x4.pmax(peak, v128.load(scores + <usize>(i << 2)));
    const top = f32x4.splat(max4(peak));
    let total = f32x4.splat(0);
    for (let i = 0; i < padded; i += 4) {
      const at = scores + <usize>(i << 2);
      const x = f32x4.sub(v128.load(at), top);
      const e = v128.and(exp4(x), f32x4.gt(x, minusSixty()));
      total = f32x4.add(total, e);
      v128.store(at, e);
    }
    const share = f32x4.splat(<f32>1.0 / sum4(total));
    for (let i = 0; i < padded; i += 4) {
      const at = mass + <usize>(i << 2);
      v128.store(at, f32x4.add(v128.load(at), f32x4.mul(v128.load(scores + <usize>(i << 2)), share)));
    }
  }
}
