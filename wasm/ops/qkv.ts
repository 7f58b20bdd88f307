// What some architectures do to q, k and v behind their matrices: a bias (Qwen2), an RMSNorm of each head (Qwen3).
import { inverseRms } from "./quantise";

export function addBias(x: usize, bias: usize, n: i32, T: i32, stride: i32): void {
  const bytes = <usize>(n << 2);
  for (let t = 0; t < T; t++) {
    for (let i: usize = 0; i < bytes; i += 16) {
      v128.store(x + i, f32x4.add(v128.load(x + i), v128.load(bias + i)));
    }
    x += <usize>(stride << 2);
  }
}

export function normHeads(
  x: usize, weight: usize, heads: i32, D: i32, T: i32, stride: i32, epsilon: f32,
): void {
  const bytes = <usize>(D << 2);
  for (let t = 0; t < T; t++) {
    let head = x;
    for (let h = 0; h < heads; h++) {
      const inv = inverseRms(head, D, epsilon);
      for (let i: usize = 0; i < bytes; i += 16) {
        v128.store(head + i, f32x4.mul(f32x4.mul(v128.load(head + i), inv), v128.load(weight + i)));
      }
      head += bytes;
    }
    x += <usize>(stride << 2);
  }
}
