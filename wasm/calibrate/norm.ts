// RMSNorm and its gradient (Zhang and Sennrich 2019, arXiv 1910.07467): y = w · x · r, r = 1 / √(mean x² + ε), row by
// row.
import { sum4 } from "../lib/reduce";

@inline function inverseRms(x: usize, cols: i32, epsilon: f32): f32 {
  let sum = f32x4.splat(0);
  for (let i: usize = 0; i < <usize>cols << 2; i += 16) {
    const v = v128.load(x + i);
    sum = f32x4.relaxed_madd(v, v, sum);
  }
  return 1 / sqrt<f32>(sum4(sum) / <f32>cols + epsilon);
}

export function rmsNorm(x: usize, weight: usize, cols: i32, rows: i32, epsilon: f32, out: usize): void {
  const bytes = <usize>cols << 2;
  for (; rows > 0; rows--, x += bytes, out += bytes) {
    const r = f32x4.splat(inverseRms(x, cols, epsilon));
    for (let i: usize = 0; i < bytes; i += 16) {
      v128.store(out + i, f32x4.mul(f32x4.mul(v128.load(x + i), r), v128.load(weight + i)));
    }
  }
}

// Adds to dx and to dWeight: dx = r · w · dy − x · r³ · Σ(w · dy · x) / cols, dWeight = Σ over rows of dy · x · r.
export function rmsNormBackward(
  x: usize, weight: usize, dy: usize, cols: i32, rows: i32, epsilon: f32, dx: usize, dWeight: usize,
): void {
  const bytes = <usize>cols << 2;
  for (; rows > 0; rows--, x += bytes, dy += bytes, dx += bytes) {
    const r = inverseRms(x, cols, epsilon);
    let sum = f32x4.splat(0);
    for (let i: usize = 0; i < bytes; i += 16) {
      sum = f32x4.relaxed_madd(f32x4.mul(v128.load(dy + i), v128.load(weight + i)), v128.load(x + i), sum);
    }
    const scale = f32x4.splat(r), pull = f32x4.splat(-r * r * r * sum4(sum) / <f32>cols);
    for (let i: usize = 0; i < bytes; i += 16) {
      const v = v128.load(x + i), d = f32x4.mul(v128.load(dy + i), scale);
      const change = f32x4.relaxed_madd(d, v128.load(weight + i), f32x4.mul(v, pull));
      v128.store(dx + i, f32x4.add(v128.load(dx + i), change));
      v128.store(dWeight + i, f32x4.relaxed_madd(d, v, v128.load(dWeight + i)));
    }
  }
}
