// Each 64 of `cols` floats times a Hadamard matrix over 8 (src/core/model/formats/rotation.ts), in place. Sums of 64
// integers of 14 bits are exact.

const GROUP: usize = 256;
const HALF: usize = 128;

// Neighbours among eight columns, then pairs of them.
@inline function within(at: usize): void {
  let a = v128.load(at), b = v128.load(at, 16);
  let first = i32x4.shuffle(a, b, 0, 2, 4, 6), second = i32x4.shuffle(a, b, 1, 3, 5, 7);
  let sums = f32x4.add(first, second), rests = f32x4.sub(first, second);
  a = i32x4.shuffle(sums, rests, 0, 4, 1, 5);
  b = i32x4.shuffle(sums, rests, 2, 6, 3, 7);
  first = i32x4.shuffle(a, b, 0, 1, 4, 5);
  second = i32x4.shuffle(a, b, 2, 3, 6, 7);
  sums = f32x4.add(first, second);
  rests = f32x4.sub(first, second);
  v128.store(at, i32x4.shuffle(sums, rests, 0, 1, 4, 5));
  v128.store(at, i32x4.shuffle(sums, rests, 2, 3, 6, 7), 16);
}

export function rotate(at: usize, cols: i32): void {
  const eighth = f32x4.splat(0.125);
  const end = at + <usize>(cols << 2);
  for (; at < end; at += GROUP) {
    for (let k: usize = 0; k < GROUP; k += 32) within(at + k);
    for (let width: usize = 16; width < HALF; width <<= 1) {
      for (let from = at; from < at + GROUP; from += width << 1) {
        for (let near = from; near < from + width; near += 16) {
          const a = v128.load(near), b = v128.load(near + width);
          v128.store(near, f32x4.add(a, b));
          v128.store(near + width, f32x4.sub(a, b));
        }
      }
    }
    for (let near = at; near < at + HALF; near += 16) {
      const a = v128.load(near), b = v128.load(near, HALF);
      v128.store(near, f32x4.mul(f32x4.add(a, b), eighth));
      v128.store(near, f32x4.mul(f32x4.sub(a, b), eighth), HALF);
    }
  }
}
