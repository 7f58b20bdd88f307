// Scales rows' sums and stores, or adds to, as many of them as the matrix has.

@inline function storeRow(out: usize, v: f32, live: bool, accumulate: i32): void {
  if (live) store<f32>(out, accumulate ? load<f32>(out) + v : v);
}

// Four rows, the last of them perhaps padding.
@inline export function storeRows(out: usize, v: v128, scale: f32, rowsLeft: i32, accumulate: i32): void {
  v = f32x4.mul(v, f32x4.splat(scale));
  if (rowsLeft >= 4) {
    v128.store(out, accumulate ? f32x4.add(v128.load(out), v) : v);
  } else {
    storeRow(out, f32x4.extract_lane(v, 0), rowsLeft > 0, accumulate);
    storeRow(out + 4, f32x4.extract_lane(v, 1), rowsLeft > 1, accumulate);
    storeRow(out + 8, f32x4.extract_lane(v, 2), rowsLeft > 2, accumulate);
  }
}

// Eight rows.
@inline export function storeStrip(out: usize, v0: v128, v1: v128, scale: f32, rowsLeft: i32, accumulate: i32): void {
  storeRows(out, v0, scale, rowsLeft, accumulate);
  storeRows(out + 16, v1, scale, rowsLeft - 4, accumulate);
}
