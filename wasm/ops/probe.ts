// How does this engine compute the relaxed dot product? The one place where an unsigned operand has its high bit set,
// so that the answer shows (src/core/kernels/wasm.ts reads it).

export function relaxedDot(): i32 {
  if (!ASC_FEATURE_RELAXED_SIMD) return 0;
  const bytes = i8x16(-128, -128, -128, -128, -128, -128, -1, -1, -1, -1, -128, -128, -1, -1, -1, -1);
  return i32x4.extract_lane(i32x4.relaxed_dot_i8x16_i7x16_add_s(i8x16.splat(-128), bytes, i32x4.splat(0)), 1);
}
