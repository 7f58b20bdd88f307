// The innermost product of gemm.ts: a panel of A, 6 rows, times a panel of B, 8 or 16 rows, into a tile of C. Both
// builds sum in the same order and give the same bits (src/tools/compress/calibrate/threads/widest.ts chooses).
import { PANEL_16 } from "./pack";

export function tile(a: usize, b: usize, depth: i32, c: usize, cStep: usize, add: i32): void {
  if (PANEL == PANEL_16) tile16(a, b, depth, c, cStep, add);
  else tile8(a, b, depth, c, cStep, add);
}

@inline function keep(at: usize, low: v128, high: v128, add: i32): void {
  if (add) {
    low = f32x4.add(v128.load(at), low);
    high = f32x4.add(v128.load(at, 16), high);
  }
  v128.store(at, low);
  v128.store(at, high, 16);
}

// Twelve sums, two vectors of B and one number of A at a time are 15 registers, all that x64 leaves.
@inline function tile8(a: usize, b: usize, depth: i32, c: usize, cStep: usize, add: i32): void {
  let c00 = f32x4.splat(0), c01 = c00, c10 = c00, c11 = c00, c20 = c00, c21 = c00;
  let c30 = c00, c31 = c00, c40 = c00, c41 = c00, c50 = c00, c51 = c00;
  for (; depth > 0; depth--, a += 24, b += 32) {
    const b0 = v128.load(b), b1 = v128.load(b, 16);
    let x = v128.load32_splat(a);
    c00 = f32x4.relaxed_madd(x, b0, c00);
    c01 = f32x4.relaxed_madd(x, b1, c01);
    x = v128.load32_splat(a, 4);
    c10 = f32x4.relaxed_madd(x, b0, c10);
    c11 = f32x4.relaxed_madd(x, b1, c11);
    x = v128.load32_splat(a, 8);
    c20 = f32x4.relaxed_madd(x, b0, c20);
    c21 = f32x4.relaxed_madd(x, b1, c21);
    x = v128.load32_splat(a, 12);
    c30 = f32x4.relaxed_madd(x, b0, c30);
    c31 = f32x4.relaxed_madd(x, b1, c31);
    x = v128.load32_splat(a, 16);
    c40 = f32x4.relaxed_madd(x, b0, c40);
    c41 = f32x4.relaxed_madd(x, b1, c41);
    x = v128.load32_splat(a, 20);
    c50 = f32x4.relaxed_madd(x, b0, c50);
    c51 = f32x4.relaxed_madd(x, b1, c51);
  }
  keep(c, c00, c01, add);
  keep(c + cStep, c10, c11, add);
  keep(c + 2 * cStep, c20, c21, add);
  keep(c + 3 * cStep, c30, c31, add);
  keep(c + 4 * cStep, c40, c41, add);
  keep(c + 5 * cStep, c50, c51, add);
}

// The same of 256 bits each, where the compiler makes one of two neighbours; where it does not, half of the sums spill.
@inline function tile16(a: usize, b: usize, depth: i32, c: usize, cStep: usize, add: i32): void {
  let c00 = f32x4.splat(0), c01 = c00, c02 = c00, c03 = c00, c10 = c00, c11 = c00, c12 = c00, c13 = c00;
  let c20 = c00, c21 = c00, c22 = c00, c23 = c00, c30 = c00, c31 = c00, c32 = c00, c33 = c00;
  let c40 = c00, c41 = c00, c42 = c00, c43 = c00, c50 = c00, c51 = c00, c52 = c00, c53 = c00;
  for (; depth > 0; depth--, a += 24, b += 64) {
    const b0 = v128.load(b), b1 = v128.load(b, 16), b2 = v128.load(b, 32), b3 = v128.load(b, 48);
    let x = v128.load32_splat(a);
    c00 = f32x4.relaxed_madd(x, b0, c00);
    c01 = f32x4.relaxed_madd(x, b1, c01);
    c02 = f32x4.relaxed_madd(x, b2, c02);
    c03 = f32x4.relaxed_madd(x, b3, c03);
    x = v128.load32_splat(a, 4);
    c10 = f32x4.relaxed_madd(x, b0, c10);
    c11 = f32x4.relaxed_madd(x, b1, c11);
    c12 = f32x4.relaxed_madd(x, b2, c12);
    c13 = f32x4.relaxed_madd(x, b3, c13);
    x = v128.load32_splat(a, 8);
    c20 = f32x4.relaxed_madd(x, b0, c20);
    c21 = f32x4.relaxed_madd(x, b1, c21);
    c22 = f32x4.relaxed_madd(x, b2, c22);
    c23 = f32x4.relaxed_madd(x, b3, c23);
    x = v128.load32_splat(a, 12);
    c30 = f32x4.relaxed_madd(x, b0, c30);
    c31 = f32x4.relaxed_madd(x, b1, c31);
    c32 = f32x4.relaxed_madd(x, b2, c32);
    c33 = f32x4.relaxed_madd(x, b3, c33);
    x = v128.load32_splat(a, 16);
    c40 = f32x4.relaxed_madd(x, b0, c40);
    c41 = f32x4.relaxed_madd(x, b1, c41);
    c42 = f32x4.relaxed_madd(x, b2, c42);
    c43 = f32x4.relaxed_madd(x, b3, c43);
    x = v128.load32_splat(a, 20);
    c50 = f32x4.relaxed_madd(x, b0, c50);
    c51 = f32x4.relaxed_madd(x, b1, c51);
    c52 = f32x4.relaxed_madd(x, b2, c52);
    c53 = f32x4.relaxed_madd(x, b3, c53);
  }
  keep(c, c00, c01, add);
  keep(c + 32, c02, c03, add);
  keep(c + cStep, c10, c11, add);
  keep(c + cStep + 32, c12, c13, add);
  keep(c + 2 * cStep, c20, c21, add);
  keep(c + 2 * cStep + 32, c22, c23, add);
  keep(c + 3 * cStep, c30, c31, add);
  keep(c + 3 * cStep + 32, c32, c33, add);
  keep(c + 4 * cStep, c40, c41, add);
  keep(c + 4 * cStep + 32, c42, c43, add);
  keep(c + 5 * cStep, c50, c51, add);
  keep(c + 5 * cStep + 32, c52, c53, add);
}
