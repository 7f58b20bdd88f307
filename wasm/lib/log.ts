// Natural logarithm of a positive, normal f64 (Sun's fdlibm, e_log.c, without its shortcuts): what V8's Math.log
// computes. x = 2^k · (1 + f), √½ ≤ 1 + f < √2; ln(1 + f) by a polynomial in s = f/(2 + f). Error below one unit in
// the last place.

@inline export function log64(x: f64): f64 {
  const bits = reinterpret<u64>(x);
  // Mantissas from √2 on count as half, with the next exponent.
  const up = (((bits >> 32) + 0x95f64) >> 20) & 1 ^ ((bits >> 52) & 1);
  const k = <f64>(<i32>(bits >> 52) - 1023 + <i32>up);
  const f = reinterpret<f64>((bits & 0x000fffffffffffff) | ((1023 - up) << 52)) - 1.0;
  const s = f / (2.0 + f);
  const z = s * s;
  const w = z * z;
  const even = w * (3.999999999940941908e-01 + w * (2.222219843214978396e-01 + w * 1.531383769920937332e-01));
  const last = 1.818357216161805012e-01 + w * 1.479819860511658591e-01;
  const odd = z * (6.666666666666735130e-01 + w * (2.857142874366239149e-01 + w * last));
  const half = 0.5 * f * f;
  return k * 6.93147180369123816490e-01 - (half - (s * (half + (even + odd)) + k * 1.90821492927058770002e-10) - f);
}
