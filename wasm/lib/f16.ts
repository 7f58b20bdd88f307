// f16 → f32 for four or one value. WASM has no conversion. The 15 low bits, shifted to f32's mantissa, read as a float
// that is 2^-112 of the value, subnormals included: a "tiny". Sums of tinies times integers are 2^-112 of the sums of
// the values, bit for bit: products are multiples of 2^-136, far above the last bit of a subnormal f32. So sums take
// tinies and are brought back once. Exact for every finite f16; the formats hold no infinities.
import { halfBits, rebias } from "./constants";

const REBIAS: f32 = 5192296858534827628530496329220096.0; // 2^112

@inline export function tiny4(ptr: usize): v128 {
  // Sign-extended and shifted, bit 31 is the sign and bits 30 to 28 are copies of it.
  return v128.and(i32x4.shl(v128.load_ext<i16>(ptr), 13), halfBits());
}

// Of the upper halves of four 32-bit lanes; whatever lies in the lower ones.
@inline export function tinyUpper4(words: v128): v128 {
  return v128.and(i32x4.shr_s(words, 3), halfBits());
}

@inline export function fromTiny(v: v128): v128 {
  return f32x4.mul(v, rebias());
}

@inline export function f16(ptr: usize): f32 {
  const h = load<u16>(ptr) as u32;
  const magnitude = reinterpret<f32>((h & 0x7fff) << 13) * REBIAS;
  return h & 0x8000 ? -magnitude : magnitude;
}
