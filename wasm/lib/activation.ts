// Offsets inside the activation record that src/core/kernels/abi.ts draws. A kernel reads it in one of two ways, named by P:
// i16, 14 bits in the planes hi and lo, or i8, 8 bits in one plane; each has its scale and its sums.

@inline function sumsBytes(n: i32): i32 {
  return (((n >> 5) + 3) >> 2) << 4;
}

@inline export function scaleOf<P>(record: usize): f32 {
  return sizeof<P>() == 2 ? load<f32>(record) : load<f32>(record, 4);
}

@inline export function sumsOffset<P>(n: i32): usize {
  return <usize>(sizeof<P>() == 2 ? 16 : 16 + sumsBytes(n));
}

// hi of 14 bits, `n` bytes before lo; or the plane of 8 bits.
@inline export function planeOffset<P>(n: i32): usize {
  return <usize>(16 + (sumsBytes(n) << 1) + (sizeof<P>() == 2 ? 0 : 3 * n));
}

@inline export function biasedOffset(n: i32): usize {
  return planeOffset<i16>(n) + <usize>(n << 1);
}

@inline export function wordsOffset(n: i32): usize {
  return planeOffset<i16>(n) + <usize>(n << 2);
}

@inline export function recordBytes(n: i32): usize {
  return planeOffset<i16>(n) + <usize>(6 * n);
}
