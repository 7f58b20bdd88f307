// Vectors that the kernels load instead of naming: V8 builds a v128 constant anew, in three instructions, at each use
// inside a loop, and a load folds into the instruction that needs it. src/core/kernels/constants.ts lists them in this
// order and writes them to the first bytes of the memory.

/** 16 × 0x0f */
@inline export function nibbles(): v128 {
  return v128.load(0);
}

/** 4 × 0x8fffe000: what is left of a f16 that was sign-extended and shifted into place. */
@inline export function halfBits(): v128 {
  return v128.load(16);
}

/** 4 × 2^112, the distance between the exponents of f16 and f32. */
@inline export function rebias(): v128 {
  return v128.load(32);
}

/** 8 × int16 1 */
@inline export function ones16(): v128 {
  return v128.load(48);
}

/** 8 × int16 128 */
@inline export function hundreds16(): v128 {
  return v128.load(64);
}

/** 16 × 0x03 */
@inline export function pairs(): v128 {
  return v128.load(80);
}

/** 16 × 0x04 */
@inline export function fours(): v128 {
  return v128.load(96);
}

/** 16 × 0x01 */
@inline export function ones(): v128 {
  return v128.load(112);
}

/** 16 × 64 */
@inline export function bias(): v128 {
  return v128.load(128);
}

/** 4 × 1.5 · 2^23 (round.ts) */
@inline export function magic(): v128 {
  return v128.load(144);
}

/** 4 × 60 */
@inline export function sixty(): v128 {
  return v128.load(160);
}

/** 4 × −60 */
@inline export function minusSixty(): v128 {
  return v128.load(176);
}

/** 4 × 1/ln 2 */
@inline export function log2e(): v128 {
  return v128.load(192);
}

/** Coefficient `n` of exp.ts, four times, that of the highest power first. */
@inline export function expCoefficient(n: usize): v128 {
  return v128.load(208 + (n << 4));
}

/** 4 × 1.0, whose bits are also 127 << 23 */
@inline export function one(): v128 {
  return v128.load(288);
}

/** 16 × 0x07 */
@inline export function triples(): v128 {
  return v128.load(304);
}

/** int32 0, 1, 2, 3 */
@inline export function lanes(): v128 {
  return v128.load(320);
}

/** 4 × the first factor of noise.ts */
@inline export function mixA(): v128 {
  return v128.load(336);
}

/** 4 × the second */
@inline export function mixB(): v128 {
  return v128.load(352);
}

/** 4 × 158 · ln 2 */
@inline export function gumbelTop(): v128 {
  return v128.load(368);
}

/** 4 × ln 2 / 2^23 */
@inline export function gumbelSlope(): v128 {
  return v128.load(384);
}

/** 8 × int16 8320: 32 and a half, 8 bits up */
@inline export function middle16(): v128 {
  return v128.load(400);
}

/** The bytes of int16 0 and 2, 1 and 3, 4 and 6 or 5 and 7 of a vector, each four times. */
@inline export function columns(n: usize): v128 {
  return v128.load(416 + (n << 4));
}

/** The bytes of int16 2n and 2n + 1 of a vector, each four times. */
@inline export function codes(n: usize): v128 {
  return v128.load(480 + (n << 4));
}

/** 8 × int16 13952: 54 and a half, 8 bits up */
@inline export function middle54(): v128 {
  return v128.load(544);
}

/** 8 × int16 9472: 18 and a half, 9 bits up */
@inline export function middle18(): v128 {
  return v128.load(560);
}

/** int16 −3, −1, 1, 3, twice */
@inline export function odds(): v128 {
  return v128.load(576);
}

/** The signs that bit `n` of 0 … 3 stands for, as int16, twice. */
@inline export function signs(n: usize): v128 {
  return v128.load(592 + (n << 4));
}

/** Where the books of q2add start, and those of q3add (src/core/model/formats/books.ts). */
@inline export const TWO_BOOKS: usize = 624;
@inline export const THREE_BOOKS: usize = 752;

/** Column n mod 4 of the entries of book n / 4, of two books. */
@inline export function twoBooks(n: usize): v128 {
  return v128.load(624 + (n << 4));
}

/** The same of three. */
@inline export function threeBooks(n: usize): v128 {
  return v128.load(752 + (n << 4));
}

/** 8 × int16 12160: 47 and a half, 8 bits up */
@inline export function middle47(): v128 {
  return v128.load(944);
}

/** 8 × int16 10624: 41 and a half, 8 bits up */
@inline export function middle41(): v128 {
  return v128.load(960);
}

/** 8 × int16 9344: 36 and a half, 8 bits up */
@inline export function middle36(): v128 {
  return v128.load(976);
}
