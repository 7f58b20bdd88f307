// One row of a tiled matrix as f32: the embedding of a token. Layouts are drawn in src/model/layouts.ts.
import { f16 } from "../lib/f16";

// The first tile of a row's eight.
@inline function firstTile(weight: usize, blockBytes: i32, row: i32, cols: i32, tile: i32): usize {
  return weight + <usize>((row >> 4) * blockBytes) + <usize>(((row >> 3) & 1) * (cols >> 5) * tile);
}

export function embedQ4u(weight: usize, blockBytes: i32, row: i32, cols: i32, out: usize): void {
  const r = row & 7;
  let tile = firstTile(weight, blockBytes, row, cols, 160);
  for (let g = 0; g < cols >> 5; g++) {
    const d = f16(tile + 128 + <usize>(r << 1));
    const m = f16(tile + 144 + <usize>(r << 1));
    for (let k = 0; k < 32; k++) {
      const byte = load<u8>(tile + <usize>((k >> 3) * 32 + r * 4 + (k & 3)));
      const nibble = k & 4 ? byte >> 4 : byte & 15;
      store<f32>(out, <f32>nibble * d + m);
      out += 4;
    }
    tile += 160;
  }
}

export function embedQ8(weight: usize, blockBytes: i32, row: i32, cols: i32, out: usize): void {
  const r = row & 7;
  let tile = firstTile(weight, blockBytes, row, cols, 288);
  for (let g = 0; g < cols >> 5; g++) {
    const d = f16(tile + 256 + <usize>(r << 1));
    for (let k = 0; k < 32; k++) {
      store<f32>(out, <f32>load<i8>(tile + <usize>((k >> 2) * 32 + r * 4 + (k & 3))) * d);
      out += 4;
    }
    tile += 288;
  }
}
