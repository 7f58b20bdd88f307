/**
 * Half-precision numbers as raw bits: quantised formats keep their scales as f16, and a scale that is copied
 * must stay the same bit for bit. bfloat16 is here too because it is the other 16-bit float that files hold.
 */
const half = new Float16Array(1);
const halfBits = new Uint16Array(half.buffer);
const single = new Float32Array(1);
const singleBits = new Uint32Array(single.buffer);

/** The value of an IEEE 754 binary16; exact. */
export function f16ToNumber(bits: number): number {
  halfBits[0] = bits;
  return half[0]!;
}

/** The nearest binary16, ties to even; beyond ±65504 it becomes an infinity. */
export function numberToF16(value: number): number {
  half[0] = value;
  return halfBits[0]!;
}

/** The value of a bfloat16: the upper half of an f32; exact. */
export function bf16ToNumber(bits: number): number {
  singleBits[0] = bits << 16;
  return single[0]!;
}

/** The nearest bfloat16, ties to even; beyond its range an infinity. */
export function numberToBf16(value: number): number {
  single[0] = value;
  const bits = singleBits[0]!;
  return Number.isNaN(value) ? 0x7fc0 : (bits + 0x7fff + ((bits >>> 16) & 1)) >>> 16;
}
