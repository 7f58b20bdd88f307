// Pages of the KV cache ⇄ their form at rest (src/core/kernels/abi.ts). Each 32 channels of a key or value are rotated by a
// Hadamard matrix, so that no channel stands out (as in QuaRot, arXiv 2404.00456), and rounded to 4 or 3 bits in steps
// of the token's root mean square. The rotation is its own inverse.
import { headBlockBytes, keyLows, keyScales, values, valueScales } from "../lib/page";
import { sum4 } from "../lib/reduce";
import { storeKey, storeValue } from "./kv";

// Steps of the uniform rounding with 16 and with 8 levels that loses least of a Gaussian (Max 1960), in deviations.
const KEY_STEP: f32 = 0.3352;
const VALUE_STEP: f32 = 0.586;
const KEY_BITS: i32 = 4;
const VALUE_BITS: i32 = 3;
// 1 / √32
const NORM: f32 = 0.17677669529663687;

// Sums and differences of neighbours, then of pairs.
@inline function within(v: v128): v128 {
  const signs1 = f32x4(1, -1, 1, -1);
  const a = f32x4.add(v128.shuffle<i32>(v, v, 1, 0, 3, 2), f32x4.mul(v, signs1));
  const signs2 = f32x4(1, 1, -1, -1);
  return f32x4.add(v128.shuffle<i32>(a, a, 2, 3, 0, 1), f32x4.mul(a, signs2));
}

// Rotates the 32 floats at x.
function rotate32(x: usize): void {
  for (let i = 0; i < 32; i += 4) {
    const at = x + <usize>(i << 2);
    v128.store(at, within(v128.load(at)));
  }
  for (let h = 4; h < 32; h <<= 1) {
    for (let i = 0; i < 32; i += h << 1) {
      for (let j = i; j < i + h; j += 4) {
        const at = x + <usize>(j << 2);
        const to = x + <usize>((j + h) << 2);
        const a = v128.load(at);
        const b = v128.load(to);
        v128.store(at, f32x4.add(a, b));
        v128.store(to, f32x4.sub(a, b));
      }
    }
  }
  const norm = f32x4.splat(NORM);
  for (let i = 0; i < 32; i += 4) {
    const at = x + <usize>(i << 2);
    v128.store(at, f32x4.mul(v128.load(at), norm));
  }
}

// The D floats at x, which are rotated in place → bit planes at out; returns the upper half of the step.
function roundRotated(x: usize, D: i32, bits: i32, deviations: f32, out: usize): u16 {
  let squares = f32x4.splat(0);
  for (let i = 0; i < D; i += 4) {
    const v = v128.load(x + <usize>(i << 2));
    squares = f32x4.add(squares, f32x4.mul(v, v));
  }
  const upper = reinterpret<u32>(sqrt<f32>(sum4(squares) / <f32>D) * deviations) >> 16;
  const step = reinterpret<f32>(upper << 16);
  const toInt = f32x4.splat(step > 0 ? <f32>1.0 / step : 0);
  const half = 1 << (bits - 1);
  const low = f32x4.splat(<f32>-half);
  const high = f32x4.splat(<f32>(half - 1));
  for (let c = 0; c < D; c += 32) {
    const group = x + <usize>(c << 2);
    rotate32(group);
    for (let i = 0; i < 32; i += 4) {
      const at = group + <usize>(i << 2);
      const level = f32x4.floor(f32x4.mul(v128.load(at), toInt));
      const code = f32x4.sub(f32x4.max(low, f32x4.min(high, level)), low);
      v128.store(at, i32x4.trunc_sat_f32x4_s(code));
    }
    for (let b = 0; b < bits; b++) {
      let plane: u32 = 0;
      for (let i = 0; i < 32; i += 4) {
        const codes = v128.load(group + <usize>(i << 2));
        plane |= (<u32>i32x4.bitmask(i32x4.shl(codes, 31 - b))) << i;
      }
      store<u32>(out, plane);
      out += 4;
    }
  }
  return <u16>upper;
}

// The inverse: D floats at x.
function readRotated(from: usize, upper: u32, D: i32, bits: i32, x: usize): void {
  const step = f32x4.splat(reinterpret<f32>(upper << 16));
  const middle = f32x4.splat(<f32>0.5 - <f32>(1 << (bits - 1)));
  for (let c = 0; c < D; c += 32) {
    const group = x + <usize>(c << 2);
    for (let i = 0; i < 32; i += 4) {
      const lanes = i32x4.shl(i32x4(1, 2, 4, 8), i);
      let codes = i32x4.splat(0);
      for (let b = 0; b < bits; b++) {
        const set = i32x4.ne(v128.and(v128.load32_splat(from + <usize>(b << 2)), lanes), i32x4.splat(0));
        codes = v128.or(codes, v128.and(set, i32x4.splat(1 << b)));
      }
      v128.store(group + <usize>(i << 2), f32x4.mul(f32x4.add(f32x4.convert_i32x4_s(codes), middle), step));
    }
    rotate32(group);
    from += <usize>(bits << 2);
  }
}

@inline function restBlockBytes(D: i32): usize {
  return <usize>(28 * D + 128);
}

@inline function restValues(D: i32): usize {
  return <usize>(16 * D);
}

@inline function restSteps(D: i32): usize {
  return <usize>(28 * D);
}

function readKey(block: usize, slot: i32, D: i32, x: usize): void {
  const scale = load<f32>(block + keyScales(D) + <usize>(slot << 2));
  const high = block + <usize>(slot * D);
  const low = block + keyLows(D) + <usize>((slot * D) >> 1);
  for (let d = 0; d < D; d++) {
    const pair = <i32>load<u8>(low + <usize>(((d & ~31) >> 1) + (d & 15)));
    const q = 16 * <i32>load<i8>(high + <usize>d) + (d & 16 ? pair >> 4 : pair & 15);
    store<f32>(x + <usize>(d << 2), scale * <f32>q);
  }
}

function readValue(block: usize, slot: i32, D: i32, x: usize): void {
  const scale = load<f32>(block + valueScales(D) + <usize>(slot << 2));
  const from = block + values(D) + <usize>(slot * D);
  for (let d = 0; d < D; d++) store<f32>(x + <usize>(d << 2), scale * <f32>load<i8>(from + <usize>d));
}

export function packPage(page: usize, blocks: i32, D: i32, T: i32, out: usize, scratch: usize): void {
  memory.fill(out, 0, restBlockBytes(D) * <usize>blocks);
  for (let n = 0; n < blocks; n++) {
    for (let t = 0; t < T; t++) {
      const steps = out + restSteps(D) + <usize>(t << 1);
      readKey(page, t, D, scratch);
      store<u16>(steps, roundRotated(scratch, D, KEY_BITS, KEY_STEP, out + <usize>((t * D) >> 1)));
      readValue(page, t, D, scratch);
      const to = out + restValues(D) + <usize>((3 * t * D) >> 3);
      store<u16>(steps + 64, roundRotated(scratch, D, VALUE_BITS, VALUE_STEP, to));
    }
    page += headBlockBytes(D);
    out += restBlockBytes(D);
  }
}

export function unpackPage(packed: usize, blocks: i32, D: i32, T: i32, page: usize, scratch: usize): void {
  for (let n = 0; n < blocks; n++) {
    for (let t = 0; t < T; t++) {
      const steps = packed + restSteps(D) + <usize>(t << 1);
      readRotated(packed + <usize>((t * D) >> 1), load<u16>(steps), D, KEY_BITS, scratch);
      storeKey(scratch, page, t, D);
      const from = packed + restValues(D) + <usize>((3 * t * D) >> 3);
      readRotated(from, load<u16>(steps + 64), D, VALUE_BITS, scratch);
      storeValue(scratch, page, t, D);
    }
    page += headBlockBytes(D);
    packed += restBlockBytes(D);
  }
}
