// Sums over tokens and windows that calibration keeps.
import { sum4 } from "../lib/reduce";

export function copy(to: usize, from: usize, bytes: usize): void {
  memory.copy(to, from, bytes);
}

export function clear(at: usize, bytes: usize): void {
  memory.fill(at, 0, bytes);
}

// x (rows, cols) += row (cols), to every row, cols a multiple of 4.
export function addRow(x: usize, row: usize, cols: i32, rows: i32): void {
  for (; rows > 0; rows--) {
    for (let i: usize = 0; i < <usize>cols << 2; i += 16, x += 16) {
      v128.store(x, f32x4.add(v128.load(x), v128.load(row + i)));
    }
  }
}

// sums (cols) += Σ over rows of x.
export function addRows(x: usize, cols: i32, rows: i32, sums: usize): void {
  for (; rows > 0; rows--) {
    for (let i: usize = 0; i < <usize>cols << 2; i += 16, x += 16) {
      v128.store(sums + i, f32x4.add(v128.load(sums + i), v128.load(x)));
    }
  }
}

// sums (cols) f64 += Σ over rows of x².
export function columnSquares(x: usize, cols: i32, rows: i32, sums: usize): void {
  for (; rows > 0; rows--) {
    for (let i = 0, to = sums; i < cols; i += 4, x += 16, to += 32) {
      const v = v128.load(x);
      const low = f64x2.promote_low_f32x4(v), high = f64x2.promote_low_f32x4(v128.shuffle<i64>(v, v, 1, 1));
      v128.store(to, f64x2.add(v128.load(to), f64x2.mul(low, low)));
      v128.store(to, f64x2.add(v128.load(to, 16), f64x2.mul(high, high)), 16);
    }
  }
}

// The sum over rows of the cosine between a row of a and of b.
export function cosines(a: usize, b: usize, cols: i32, rows: i32): f64 {
  let total: f64 = 0;
  for (; rows > 0; rows--) {
    let ab = f32x4.splat(0), aa = ab, bb = ab;
    for (let i = 0; i < cols; i += 4, a += 16, b += 16) {
      const x = v128.load(a), y = v128.load(b);
      ab = f32x4.relaxed_madd(x, y, ab);
      aa = f32x4.relaxed_madd(x, x, aa);
      bb = f32x4.relaxed_madd(y, y, bb);
    }
    total += <f64>sum4(ab) / sqrt(<f64>sum4(aa) * <f64>sum4(bb));
  }
  return total;
}

// sums (n) f64 += values (n), n a multiple of 4.
export function addDoubles(values: usize, n: i32, sums: usize): void {
  for (let i = 0; i < n; i += 4, values += 16, sums += 32) {
    const v = v128.load(values);
    v128.store(sums, f64x2.add(v128.load(sums), f64x2.promote_low_f32x4(v)));
    const high = f64x2.promote_low_f32x4(v128.shuffle<i64>(v, v, 1, 1));
    v128.store(sums, f64x2.add(v128.load(sums, 16), high), 16);
  }
}

// sums (n) += values, squares (n) += values², n a multiple of 4.
export function addWithSquares(values: usize, n: i32, sums: usize, squares: usize): void {
  for (let i = 0; i < n; i += 4, values += 16, sums += 16, squares += 16) {
    const v = v128.load(values);
    v128.store(sums, f32x4.add(v128.load(sums), v));
    v128.store(squares, f32x4.add(v128.load(squares), f32x4.mul(v, v)));
  }
}
