// f16 → f32 for four or one value. WASM has no conversion, so the exponent is moved by a multiplication:
// the 15 low bits, shifted to f32's mantissa, read as a float that is 2^-112 of the value, subnormals included.
// Exact for every finite f16; the formats hold no infinities.

const REBIAS: f32 = 5192296858534827628530496329220096.0; // 2^112

@inline export function f16x4(ptr: usize): v128 {
  // Sign-extended and shifted, bit 31 is the sign and bits 30 to 28 are copies of it.
  const bits = v128.and(i32x4.shl(v128.load_ext<i16>(ptr), 13), i32x4.splat(0x8fffe000));
  return f32x4.mul(bits, f32x4.splat(REBIAS));
}

@inline export function f16(ptr: usize): f32 {
  const h = load<u16>(ptr) as u32;
  const magnitude = reinterpret<f32>((h & 0x7fff) << 13) * REBIAS;
  return h & 0x8000 ? -magnitude : magnitude;
}
