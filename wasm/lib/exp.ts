// e^x for four floats, from −60, below which the result is 0, to 88, where f32 ends; larger arguments count as 88.
// x = n·ln 2 + r, |r| ≤ ln 2 / 2, a degree-7 polynomial in r, then 2^n through the exponent bits. Relative error < 2e-7
// (coefficients: Moshier's Cephes, expf). No fused operations: every build gives the same bits, and so does the plain twin.
import { expCoefficient, expLeast, expMost, ln2High, ln2Low, log2e, magic, one } from "./constants";

@inline export function exp4(x: v128): v128 {
  x = f32x4.pmin(x, expMost());
  const live = f32x4.gt(x, expLeast());
  const rounded = f32x4.add(f32x4.mul(x, log2e()), magic());
  const n = f32x4.sub(rounded, magic());
  let r = f32x4.sub(x, f32x4.mul(n, ln2High()));
  r = f32x4.sub(r, f32x4.mul(n, ln2Low()));
  let p = expCoefficient(0);
  p = f32x4.add(f32x4.mul(p, r), expCoefficient(1));
  p = f32x4.add(f32x4.mul(p, r), expCoefficient(2));
  p = f32x4.add(f32x4.mul(p, r), expCoefficient(3));
  p = f32x4.add(f32x4.mul(p, r), expCoefficient(4));
  p = f32x4.add(f32x4.mul(p, r), expCoefficient(5));
  p = f32x4.add(f32x4.mul(f32x4.mul(p, r), r), f32x4.add(r, one()));
  // The low bits of `rounded` are n, those of 1.0 an exponent of 0.
  const power = i32x4.add(i32x4.shl(rounded, 23), one());
  return v128.and(f32x4.mul(p, power), live);
}
