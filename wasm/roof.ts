// The most that this machine can do inside WASM, for src/tools/inspect: only reading, or only multiplying and adding. A
// module of its own, so that the service does not carry it.
//
// Each function returns a value that depends on all it read and computed, and what it computes with comes from memory,
// so no compiler can leave work out, move it before the loop or do it beforehand. Arithmetic runs in twelve
// independent chains: an instruction that starts twice a cycle and takes five cycles needs ten, and these fit the
// registers of x64.

@inline function fold(v: v128): i32 {
  return i32x4.extract_lane(v, 0) ^ i32x4.extract_lane(v, 1) ^ i32x4.extract_lane(v, 2) ^ i32x4.extract_lane(v, 3);
}

@inline function fold4(a: v128, b: v128, c: v128, d: v128): v128 {
  return i32x4.add(v128.xor(a, b), v128.xor(c, d));
}

// Reads `bytes` bytes, a multiple of 128, once: two streams, which keep more reads in flight than one or four.
export function read(from: usize, bytes: usize): i32 {
  let a = i32x4.splat(0), b = i32x4.splat(0), c = i32x4.splat(0), d = i32x4.splat(0);
  const middle = from + (bytes >> 1);
  for (let p = from, q = middle; p < middle; p += 64, q += 64) {
    a = v128.xor(a, v128.xor(v128.load(p), v128.load(p, 16)));
    b = v128.xor(b, v128.xor(v128.load(p, 32), v128.load(p, 48)));
    c = v128.xor(c, v128.xor(v128.load(q), v128.load(q, 16)));
    d = v128.xor(d, v128.xor(v128.load(q, 32), v128.load(q, 48)));
  }
  return fold(fold4(a, b, c, d));
}

@inline function multiplyAddInt16(acc: v128, x: v128): v128 {
  return i32x4.add(acc, i32x4.dot_i16x8_s(acc, x)); // a factor that changes, or the product would be computed once
}

@inline function multiplyAddFloat(acc: v128, x: v128, y: v128): v128 {
  return f32x4.add(f32x4.mul(acc, x), y);
}

// The arithmetic starts from 224 bytes at `from`: the factors in the first 32, then the twelve chains.

// `steps` · 12 · 16 multiply-adds of int8 into int32.
export function dotInt8(from: usize, steps: i32): i32 {
  const x = v128.load(from), w = v128.and(v128.load(from, 16), i8x16.splat(127));
  let a = v128.load(from, 32), b = v128.load(from, 48), c = v128.load(from, 64), d = v128.load(from, 80);
  let e = v128.load(from, 96), f = v128.load(from, 112), g = v128.load(from, 128), h = v128.load(from, 144);
  let i = v128.load(from, 160), j = v128.load(from, 176), k = v128.load(from, 192), l = v128.load(from, 208);
  for (; steps > 0; steps--) {
    a = i32x4.relaxed_dot_i8x16_i7x16_add_s(x, w, a);
    b = i32x4.relaxed_dot_i8x16_i7x16_add_s(x, w, b);
    c = i32x4.relaxed_dot_i8x16_i7x16_add_s(x, w, c);
    d = i32x4.relaxed_dot_i8x16_i7x16_add_s(x, w, d);
    e = i32x4.relaxed_dot_i8x16_i7x16_add_s(x, w, e);
    f = i32x4.relaxed_dot_i8x16_i7x16_add_s(x, w, f);
    g = i32x4.relaxed_dot_i8x16_i7x16_add_s(x, w, g);
    h = i32x4.relaxed_dot_i8x16_i7x16_add_s(x, w, h);
    i = i32x4.relaxed_dot_i8x16_i7x16_add_s(x, w, i);
    j = i32x4.relaxed_dot_i8x16_i7x16_add_s(x, w, j);
    k = i32x4.relaxed_dot_i8x16_i7x16_add_s(x, w, k);
    l = i32x4.relaxed_dot_i8x16_i7x16_add_s(x, w, l);
  }
  return fold(fold4(fold4(a, b, c, d), fold4(e, f, g, h), fold4(i, j, k, l), x));
}

// `steps` · 12 · 16 multiply-adds of int8, pairs added in int16.
export function dotInt8Narrow(from: usize, steps: i32): i32 {
  const x = v128.load(from), w = v128.and(v128.load(from, 16), i8x16.splat(127));
  let a = v128.load(from, 32), b = v128.load(from, 48), c = v128.load(from, 64), d = v128.load(from, 80);
  let e = v128.load(from, 96), f = v128.load(from, 112), g = v128.load(from, 128), h = v128.load(from, 144);
  let i = v128.load(from, 160), j = v128.load(from, 176), k = v128.load(from, 192), l = v128.load(from, 208);
  for (; steps > 0; steps--) {
    a = i16x8.add(a, i16x8.relaxed_dot_i8x16_i7x16_s(a, w));
    b = i16x8.add(b, i16x8.relaxed_dot_i8x16_i7x16_s(b, w));
    c = i16x8.add(c, i16x8.relaxed_dot_i8x16_i7x16_s(c, w));
    d = i16x8.add(d, i16x8.relaxed_dot_i8x16_i7x16_s(d, w));
    e = i16x8.add(e, i16x8.relaxed_dot_i8x16_i7x16_s(e, w));
    f = i16x8.add(f, i16x8.relaxed_dot_i8x16_i7x16_s(f, w));
    g = i16x8.add(g, i16x8.relaxed_dot_i8x16_i7x16_s(g, w));
    h = i16x8.add(h, i16x8.relaxed_dot_i8x16_i7x16_s(h, w));
    i = i16x8.add(i, i16x8.relaxed_dot_i8x16_i7x16_s(i, w));
    j = i16x8.add(j, i16x8.relaxed_dot_i8x16_i7x16_s(j, w));
    k = i16x8.add(k, i16x8.relaxed_dot_i8x16_i7x16_s(k, w));
    l = i16x8.add(l, i16x8.relaxed_dot_i8x16_i7x16_s(l, w));
  }
  return fold(fold4(fold4(a, b, c, d), fold4(e, f, g, h), fold4(i, j, k, l), x));
}

// `steps` · 12 · 8 multiply-adds of int16 into int32.
export function dotInt16(from: usize, steps: i32): i32 {
  const x = v128.load(from);
  let a = v128.load(from, 32), b = v128.load(from, 48), c = v128.load(from, 64), d = v128.load(from, 80);
  let e = v128.load(from, 96), f = v128.load(from, 112), g = v128.load(from, 128), h = v128.load(from, 144);
  let i = v128.load(from, 160), j = v128.load(from, 176), k = v128.load(from, 192), l = v128.load(from, 208);
  for (; steps > 0; steps--) {
    a = multiplyAddInt16(a, x);
    b = multiplyAddInt16(b, x);
    c = multiplyAddInt16(c, x);
    d = multiplyAddInt16(d, x);
    e = multiplyAddInt16(e, x);
    f = multiplyAddInt16(f, x);
    g = multiplyAddInt16(g, x);
    h = multiplyAddInt16(h, x);
    i = multiplyAddInt16(i, x);
    j = multiplyAddInt16(j, x);
    k = multiplyAddInt16(k, x);
    l = multiplyAddInt16(l, x);
  }
  return fold(fold4(fold4(a, b, c, d), fold4(e, f, g, h), fold4(i, j, k, l), x));
}

// `steps` · 12 · 4 multiply-adds of f32, not fused, as no kernel fuses them.
export function multiplyAdd(from: usize, steps: i32): i32 {
  const x = v128.load(from), y = v128.load(from, 16);
  let a = v128.load(from, 32), b = v128.load(from, 48), c = v128.load(from, 64), d = v128.load(from, 80);
  let e = v128.load(from, 96), f = v128.load(from, 112), g = v128.load(from, 128), h = v128.load(from, 144);
  let i = v128.load(from, 160), j = v128.load(from, 176), k = v128.load(from, 192), l = v128.load(from, 208);
  for (; steps > 0; steps--) {
    a = multiplyAddFloat(a, x, y);
    b = multiplyAddFloat(b, x, y);
    c = multiplyAddFloat(c, x, y);
    d = multiplyAddFloat(d, x, y);
    e = multiplyAddFloat(e, x, y);
    f = multiplyAddFloat(f, x, y);
    g = multiplyAddFloat(g, x, y);
    h = multiplyAddFloat(h, x, y);
    i = multiplyAddFloat(i, x, y);
    j = multiplyAddFloat(j, x, y);
    k = multiplyAddFloat(k, x, y);
    l = multiplyAddFloat(l, x, y);
  }
  return fold(fold4(fold4(a, b, c, d), fold4(e, f, g, h), fold4(i, j, k, l), x));
}
