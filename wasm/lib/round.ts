// Floats below 2^22 → integers, halves to even. Next to 1.5 · 2^23 the last bit of a float counts ones, so adding it
// rounds and leaves the integer in the low bits: two instructions, where V8 makes six of `trunc_sat` and one of
// `nearest`.
import { magic } from "./constants";

@inline export function round4(v: v128): v128 {
  return i32x4.sub(f32x4.add(v, magic()), magic());
}

// Eight floats at x, times `toInt`, as int16; saturates.
@inline export function round8(x: usize, toInt: v128): v128 {
  const a = round4(f32x4.mul(v128.load(x), toInt));
  const b = round4(f32x4.mul(v128.load(x, 16), toInt));
  return i16x8.narrow_i32x4_s(a, b);
}
