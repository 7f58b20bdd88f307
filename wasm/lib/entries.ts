// Tables of additive codes (src/core/model/formats/books.ts): what the sixteen entries of a book yield with their four
// columns. With n of tables.ts and the first eight entries e of a book, as whole numbers,
//
//   p[e] = Σ (e[i] · n[k + i] + 64 >> 7)
//   T[e] = (p[e] + 128 >> 8) + middle,  T[8 + e] = (128 − p[e] >> 8) + middle

@inline function product(entries: v128, x: v128): v128 {
  return ASC_FEATURE_RELAXED_SIMD ? i16x8.relaxed_q15mulr_s(entries, x) : i16x8.q15mulr_sat_s(entries, x);
}

// What eight entries yield with four columns. e0 … e3: columns of the entries. x0 … x3: n of the four, each eight
// times.
@inline export function products(
  e0: v128, e1: v128, e2: v128, e3: v128, x0: v128, x1: v128, x2: v128, x3: v128,
): v128 {
  const two = i16x8.add(product(e0, x0), product(e1, x1));
  return i16x8.add(two, i16x8.add(product(e2, x2), product(e3, x3)));
}

// p: what the first eight entries yield. middle: with a half, 8 bits up.
@inline export function entryTable(p: v128, middle: v128, to: usize): void {
  const first = i16x8.shr_u(i16x8.add(middle, p), 8), second = i16x8.shr_u(i16x8.sub(middle, p), 8);
  v128.store(to, i8x16.narrow_i16x8_u(first, second));
}
