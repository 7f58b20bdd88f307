// Horizontal sums and maxima, always in the same order: (lane 0 + lane 1) + (lane 2 + lane 3).

@inline export function sum4(v: v128): f32 {
  return (f32x4.extract_lane(v, 0) + f32x4.extract_lane(v, 1)) + (f32x4.extract_lane(v, 2) + f32x4.extract_lane(v, 3));
}

// Stores the sum of four integers and as a float.
@inline export function storeSum(out: usize, v: v128): void {
  v = i32x4.add(v, v128.shuffle<i64>(v, v, 1, 1));
  v = i32x4.add(v, v128.shuffle<i32>(v, v, 1, 1, 1, 1));
  v128.store32_lane(out, f32x4.convert_i32x4_s(v), 0);
}

@inline export function max4(v: v128): f32 {
  v = f32x4.pmax(v, v128.shuffle<i64>(v, v, 1, 1));
  return f32x4.extract_lane(f32x4.pmax(v, v128.shuffle<i32>(v, v, 1, 1, 1, 1)), 0);
}

// The sums of four vectors' lanes, one to a lane.
@inline export function sumFour(a: v128, b: v128, c: v128, d: v128): v128 {
  const ab = i32x4.add(i32x4.shuffle(a, b, 0, 4, 1, 5), i32x4.shuffle(a, b, 2, 6, 3, 7));
  const cd = i32x4.add(i32x4.shuffle(c, d, 0, 4, 1, 5), i32x4.shuffle(c, d, 2, 6, 3, 7));
  return i32x4.add(i64x2.shuffle(ab, cd, 0, 2), i64x2.shuffle(ab, cd, 1, 3));
}
