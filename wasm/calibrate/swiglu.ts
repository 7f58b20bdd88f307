// SwiGLU and its gradient (Shazeer 2020, arXiv 2002.05202): out = silu(gate) · up, silu(g) = g · s(g), s(g) = 1 / (1 +
// e^−g). gateUp and its gradient are (rows, 2 · width), a row's gates before its ups; out and dOut are (rows, width).
import { exp4, within60 } from "../lib/exp";

@inline function sigmoid4(g: v128): v128 {
  return f32x4.div(f32x4.splat(1), f32x4.add(f32x4.splat(1), exp4(within60(f32x4.neg(g)))));
}

export function swiglu(gateUp: usize, width: i32, rows: i32, out: usize): void {
  const bytes = <usize>width << 2;
  for (; rows > 0; rows--, gateUp += 2 * bytes, out += bytes) {
    for (let i: usize = 0; i < bytes; i += 16) {
      const g = v128.load(gateUp + i);
      v128.store(out + i, f32x4.mul(f32x4.mul(g, sigmoid4(g)), v128.load(gateUp + bytes + i)));
    }
  }
}

// dUp = dOut · silu(gate), dGate = dOut · up · s · (1 + gate · (1 − s)).
export function swigluBackward(gateUp: usize, dOut: usize, width: i32, rows: i32, dGateUp: usize): void {
  const bytes = <usize>width << 2;
  const one = f32x4.splat(1);
  for (; rows > 0; rows--, gateUp += 2 * bytes, dOut += bytes, dGateUp += 2 * bytes) {
    for (let i: usize = 0; i < bytes; i += 16) {
      const g = v128.load(gateUp + i), u = v128.load(gateUp + bytes + i), d = v128.load(dOut + i);
      const s = sigmoid4(g);
      const slope = f32x4.mul(s, f32x4.add(one, f32x4.mul(g, f32x4.sub(one, s))));
      v128.store(dGateUp + i, f32x4.mul(f32x4.mul(d, u), slope));
      v128.store(dGateUp + bytes + i, f32x4.mul(d, f32x4.mul(g, s)));
    }
  }
}
