// e^x for four floats of −60 … 60; the caller clamps them. x/ln 2 = n + f with |f| ≤ 1/2; 2^f by a minimax polynomial
// of degree 5 that is exact at 0; then 2^n through the exponent bits. The relative error is below 2e-7 + 6e-8·|x|:
// x/ln 2 is rounded. No fused operations: every build gives the same bits, and so does the plain twin.
import { expCoefficient, log2e, magic, minusSixty, one, sixty } from "./constants";

@inline export function exp4(x: v128): v128 {
  const t = f32x4.mul(x, log2e());
  const rounded = f32x4.add(t, magic());
  const f = f32x4.sub(t, f32x4.sub(rounded, magic()));
  let p = expCoefficient(0);
  p = f32x4.add(f32x4.mul(p, f), expCoefficient(1));
  p = f32x4.add(f32x4.mul(p, f), expCoefficient(2));
  p = f32x4.add(f32x4.mul(p, f), expCoefficient(3));
  p = f32x4.add(f32x4.mul(p, f), expCoefficient(4));
  p = f32x4.add(f32x4.mul(p, f), one());
  // The low bits of `rounded` are n, those of 1.0 an exponent of 0.
  return f32x4.mul(p, i32x4.add(i32x4.shl(rounded, 23), one()));
}

@inline export function atLeastMinus60(x: v128): v128 {
  return f32x4.pmax(minusSixty(), x);
}

@inline export function within60(x: v128): v128 {
  return f32x4.pmin(sixty(), atLeastMinus60(x));
}
