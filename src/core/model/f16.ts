/**
 * Half-precision numbers as raw bits: quantised formats keep their scales as f16, and a scale that is copied
 * must stay the same bit for bit. bfloat16 is here too because it is the other 16-bit float that files hold.
 */
const double = new Float64Array(1);
const doubleBits = new Uint32Array(double.buffer);
const single = new Float32Array(1);
const singleBits = new Uint32Array(single.buffer);

/**
 * The step between neighbouring binary16 of each exponent. A power of two takes six times as long as the rest of a
 * conversion.
 */
const STEPS = Float64Array.from({ length: 31 }, (_, exponent) => 2 ** (Math.max(exponent, 1) - 25));

/** The value of an IEEE 754 binary16; exact. */
export function f16ToNumber(bits: number): number {
  const exponent = (bits >>> 10) & 31;
  const mantissa = bits & 1023;
  const magnitude =
    exponent === 31
      ? mantissa === 0
        ? Number.POSITIVE_INFINITY
        : Number.NaN
      : (exponent === 0 ? mantissa : 1024 + mantissa) * STEPS[exponent]!;
  return bits & 0x8000 ? -magnitude : magnitude;
}

/** The nearest binary16, ties to even; beyond ±65504 it becomes an infinity. */
export function numberToF16(value: number): number {
  if (Number.isNaN(value)) return 0x7e00;
  double[0] = value;
  const upper = doubleBits[1]!;
  const sign = (upper >>> 31) << 15;
  const magnitude = Math.abs(value);
  // Half a step beyond the largest.
  if (magnitude >= 65520) return sign | 0x7c00;
  const exponent = Math.max(((upper >>> 20) & 0x7ff) - 1023, -14);
  // In steps of this exponent. A sum of 2⁵² has no bits for fractions, and rounds ties to even.
  const steps = magnitude * 2 ** (10 - exponent) + 2 ** 52 - 2 ** 52;
  // Steps from 1,024 on count the exponent up by one: those below 2⁻¹⁴ have none, 2,048 are the next one's first.
  return sign | (((exponent + 14) << 10) + steps);
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
