// Gumbel noise as src/core/model/noise.ts defines it, and a bound of it for four tokens at once.
import { gumbelSlope, gumbelTop, mixA, mixB } from "./constants";
import { log64 } from "./log";

@inline function mix(h: u32): u32 {
  h = (h ^ (h >> 16)) * 0x21f0aaad;
  h = (h ^ (h >> 15)) * 0xd35a2d97;
  return h ^ (h >> 15);
}

@inline export function gumbel(token: u32, a: u32, b: u32): f64 {
  return -log64(-log64((<f64>mix(mix(token ^ a) + b) + 0.5) / 4294967296.0));
}

@inline function mix4(h: v128): v128 {
  h = i32x4.mul(v128.xor(h, i32x4.shr_u(h, 16)), mixA());
  h = i32x4.mul(v128.xor(h, i32x4.shr_u(h, 15)), mixB());
  return v128.xor(h, i32x4.shr_u(h, 15));
}

// An upper bound of the noise of four tokens, at most 0.07 above it where the noise is large. −ln(−ln u) < −ln(1 − u),
// and the bits of a float, read as an integer and scaled, are its binary logarithm less a little for the mantissa.
@inline export function gumbelBound(tokens: v128, a: v128, b: v128): v128 {
  const bits = mix4(i32x4.add(mix4(v128.xor(tokens, a)), b));
  const rest = f32x4.convert_i32x4_s(i32x4.shr_u(v128.not(bits), 1));
  return f32x4.sub(gumbelTop(), f32x4.mul(f32x4.convert_i32x4_s(rest), gumbelSlope()));
}
