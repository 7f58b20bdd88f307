// out[t][r] (+)= Σ_k (byte · d)[r][k] · x[t][k], weights in q8 tiles (drawn in src/model/layouts.ts),
// activations in 15-bit records (src/kernels/abi.ts).
//
// Per group of 32 columns:  acc += f32(dot) · d,  dot = Σ byte · q exact in int32 (≤ 127 · 16383 · 32 < 2^26).
// A 16-bit lane of the tile holds columns (0 1) or (2 3) of a row: an arithmetic shift by 8, after a left shift for the
// low bytes, leaves the pairs (0 2) and (1 3), which meet the activation's int16 pairs in dot_i16x8. Signed bytes do not
// fit the i7 operand of the relaxed dot, so both builds share this form.
import { pairsOffset, recordBytes } from "../lib/activation";
import { f16x4 } from "../lib/f16";
import { storeRows } from "../lib/rows";

@inline const TILE: usize = 544;
@inline const SCALES: usize = 512;

@inline function quadStep(w: v128, even: v128, odd: v128, acc: v128): v128 {
  acc = i32x4.add(acc, i32x4.dot_i16x8_s(i16x8.shr_s(i16x8.shl(w, 8), 8), even));
  return i32x4.add(acc, i32x4.dot_i16x8_s(i16x8.shr_s(w, 8), odd));
}

@inline function finishGroup(acc: v128, dot: v128, d: v128): v128 {
  return f32x4.add(acc, f32x4.mul(f32x4.convert_i32x4_s(dot), d));
}

@inline function scales(tile: usize, quad: usize): v128 {
  return f16x4(tile + SCALES + quad * 8);
}

// One token against all rows: sixteen rows share each broadcast of the activation.
function oneToken(act: usize, weight: usize, rows: i32, cols: i32, out: usize, accumulate: i32): void {
  const groups = cols >> 5;
  const scale = load<f32>(act);
  let tile = weight;
  for (let r = 0; r < rows; r += 16) {
    let a0 = f32x4.splat(0), a1 = f32x4.splat(0), a2 = f32x4.splat(0), a3 = f32x4.splat(0);
    let pairs = act + pairsOffset(cols);
    for (let g = 0; g < groups; g++) {
      let i0 = i32x4.splat(0), i1 = i32x4.splat(0), i2 = i32x4.splat(0), i3 = i32x4.splat(0);
      for (let s: usize = 0; s < 8; s++) {
        const w = tile + s * 64;
        const even = v128.load_splat<i32>(pairs + s * 8);
        const odd = v128.load_splat<i32>(pairs + s * 8, 4);
        i0 = quadStep(v128.load(w), even, odd, i0);
        i1 = quadStep(v128.load(w, 16), even, odd, i1);
        i2 = quadStep(v128.load(w, 32), even, odd, i2);
        i3 = quadStep(v128.load(w, 48), even, odd, i3);
      }
      a0 = finishGroup(a0, i0, scales(tile, 0));
      a1 = finishGroup(a1, i1, scales(tile, 1));
      a2 = finishGroup(a2, i2, scales(tile, 2));
      a3 = finishGroup(a3, i3, scales(tile, 3));
      tile += TILE;
      pairs += 64;
    }
    const at = out + <usize>(r << 2);
    storeRows(at, a0, scale, rows - r, accumulate);
    storeRows(at + 16, a1, scale, rows - r - 4, accumulate);
    storeRows(at + 32, a2, scale, rows - r - 8, accumulate);
    storeRows(at + 48, a3, scale, rows - r - 12, accumulate);
  }
}

// Four tokens against one quad of rows of one 16-row block: each decoded weight meets four activations.
function fourTokens(act: usize, block: usize, quad: usize, rowsLeft: i32, cols: i32, out: usize, stride: usize, accumulate: i32): void {
  const groups = cols >> 5;
  const record = recordBytes(cols);
  let a0 = f32x4.splat(0), a1 = f32x4.splat(0), a2 = f32x4.splat(0), a3 = f32x4.splat(0);
  let x0 = act + pairsOffset(cols);
  let x1 = x0 + record, x2 = x1 + record, x3 = x2 + record;
  let tile = block;
  for (let g = 0; g < groups; g++) {
    let i0 = i32x4.splat(0), i1 = i32x4.splat(0), i2 = i32x4.splat(0), i3 = i32x4.splat(0);
    for (let s: usize = 0; s < 8; s++) {
      const w = v128.load(tile + quad * 16 + s * 64);
      const at = s * 8;
      i0 = quadStep(w, v128.load_splat<i32>(x0 + at), v128.load_splat<i32>(x0 + at, 4), i0);
      i1 = quadStep(w, v128.load_splat<i32>(x1 + at), v128.load_splat<i32>(x1 + at, 4), i1);
      i2 = quadStep(w, v128.load_splat<i32>(x2 + at), v128.load_splat<i32>(x2 + at, 4), i2);
      i3 = quadStep(w, v128.load_splat<i32>(x3 + at), v128.load_splat<i32>(x3 + at, 4), i3);
    }
    const d = scales(tile, quad);
    a0 = finishGroup(a0, i0, d);
    a1 = finishGroup(a1, i1, d);
    a2 = finishGroup(a2, i2, d);
    a3 = finishGroup(a3, i3, d);
    tile += TILE;
    x0 += 64;
    x1 += 64;
    x2 += 64;
    x3 += 64;
  }
  storeRows(out, a0, load<f32>(act), rowsLeft, accumulate);
  storeRows(out + stride, a1, load<f32>(act + record), rowsLeft, accumulate);
  storeRows(out + stride * 2, a2, load<f32>(act + record * 2), rowsLeft, accumulate);
  storeRows(out + stride * 3, a3, load<f32>(act + record * 3), rowsLeft, accumulate);
}

export function matmulQ8(
  act: usize, T: i32, weight: usize, rows: i32, cols: i32, out: usize, outStride: i32, accumulate: i32,
): void {
  const record = recordBytes(cols);
  const stride = <usize>(outStride << 2);
  if (T == 1) {
    oneToken(act, weight, rows, cols, out, accumulate);
    return;
  }
  const blockBytes = TILE * <usize>(cols >> 5);
  for (let r = 0; r < rows; r += 16) {
    let t = 0;
    for (; t + 4 <= T; t += 4) {
      const x = act + record * t;
      const o = out + stride * t + <usize>(r << 2);
      for (let q = 0; q < 4; q++) {
        fourTokens(x, weight, q, rows - r - q * 4, cols, o + <usize>(q << 4), stride, accumulate);
      }
    }
    for (; t < T; t++) {
      oneToken(act + record * t, weight, min(16, rows - r), cols, out + stride * t + <usize>(r << 2), accumulate);
    }
    weight += blockBytes;
  }
}
