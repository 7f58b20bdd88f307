// The middle of causal attention: rows of scores become probabilities, and the gradient goes back through them. Row i
// may see the first `first + i + 1` of its columns. Rows lie `step` bytes apart and have room for a multiple of four
// columns.
import { atLeastMinus60, exp4 } from "../lib/exp";
import { max4, sum4 } from "../lib/reduce";

@inline const HIDDEN: f32 = -1e30;

@inline function fill(row: usize, from: i32, to: i32, value: f32): void {
  for (let j = from; j < to; j++) store<f32>(row + (<usize>j << 2), value);
}

@inline function vectors(cols: i32): i32 {
  return (cols + 3) & ~3;
}

// p = softmax(scale · scores), in place; 0 where a row may not look.
export function softmaxCausal(scores: usize, step: usize, rows: i32, cols: i32, first: i32, scale: f32): void {
  const factor = f32x4.splat(scale);
  for (let row = 0; row < rows; row++, scores += step) {
    const seen = first + row + 1;
    const bytes = <usize>vectors(seen) << 2;
    fill(scores, seen, vectors(seen), HIDDEN);
    let most = f32x4.splat(HIDDEN);
    for (let i: usize = 0; i < bytes; i += 16) most = f32x4.pmax(most, v128.load(scores + i));
    const top = f32x4.splat(max4(most));
    let sum = f32x4.splat(0);
    for (let i: usize = 0; i < bytes; i += 16) {
      const e = exp4(atLeastMinus60(f32x4.mul(f32x4.sub(v128.load(scores + i), top), factor)));
      v128.store(scores + i, e);
      sum = f32x4.add(sum, e);
    }
    const inverse = f32x4.splat(1 / sum4(sum));
    for (let i: usize = 0; i < bytes; i += 16) v128.store(scores + i, f32x4.mul(v128.load(scores + i), inverse));
    fill(scores, seen, vectors(cols), 0);
  }
}

// dp becomes the gradient of the scores: scale · p · (dp − Σ p · dp).
export function softmaxCausalBackward(
  p: usize, dp: usize, step: usize, rows: i32, cols: i32, first: i32, scale: f32,
): void {
  for (let row = 0; row < rows; row++, p += step, dp += step) {
    const seen = first + row + 1;
    const bytes = <usize>vectors(seen) << 2;
    fill(dp, seen, vectors(cols), 0);
    let sum = f32x4.splat(0);
    for (let i: usize = 0; i < bytes; i += 16) sum = f32x4.relaxed_madd(v128.load(p + i), v128.load(dp + i), sum);
    const mean = f32x4.splat(sum4(sum)), factor = f32x4.splat(scale);
    for (let i: usize = 0; i < bytes; i += 16) {
      const d = f32x4.sub(v128.load(dp + i), mean);
      v128.store(dp + i, f32x4.mul(f32x4.mul(v128.load(p + i), factor), d));
    }
  }
}
