// A row of additive codes as f32 (src/core/model/formats/books.ts): two books, whose codes lie as q2add.ts draws them, or
// three, as q3add.ts does.
import { rotate } from "../lib/rotation";

// The code of column k. own: the row's first byte of its block.
@inline function codeOf(own: usize, k: i32, books: i32): i32 {
  if (books == 2) return <i32>load<u8>(own + <usize>((k >> 2) << 4));
  const from = own + <usize>((k >> 3) * 48);
  const third = (<i32>load<u8>(from, 32) >> (k & 4)) & 15;
  return <i32>load<u8>(from + <usize>((k & 4) << 2)) | (third << 8);
}

// What a code stands for in column `k` of its four.
function word(code: i32, books: i32, book: usize, k: i32): f32 {
  let sum: i32 = 0;
  for (let n = 0; n < books; n++) {
    const half = <i32>load<i16>(book + <usize>((k << 4) + ((code & 7) << 1)));
    sum += code & 8 ? -half : half;
    code >>= 4;
    book += 64;
  }
  return <f32>sum * <f32>(1.0 / 32768.0);
}

// book: the address of the first column of the first book's entries.
export function embedBooks(
  weight: usize, blockBytes: i32, row: i32, cols: i32, out: usize, books: i32, book: usize,
): void {
  const block = weight + <usize>((row >> 4) * blockBytes);
  const scale = load<f32>(block + <usize>(2 * books * cols + ((row & 15) << 2)));
  const own = block + <usize>(((row & 7) << 1) + ((row & 15) >> 3));
  for (let k = 0; k < cols; k++) {
    store<f32>(out + <usize>(k << 2), scale * word(codeOf(own, k, books), books, book, k & 3));
  }
  rotate(out, cols);
}
