// One row of a tiled matrix as f32: the embedding of a token. Layouts are drawn in src/model/layouts.ts.
import { f16 } from "../lib/f16";

export function embedQ4u(weight: usize, row: i32, cols: i32, out: usize): void {
  const groups = cols >> 5;
  const r = row & 15;
  let tile = weight + <usize>((row >> 4) * groups) * 320;
  for (let g = 0; g < groups; g++) {
    const d = f16(tile + 256 + <usize>(r << 1));
    const m = f16(tile + 288 + <usize>(r << 1));
    for (let k = 0; k < 32; k++) {
      const byte = load<u8>(tile + <usize>((k >> 3) * 64 + (r >> 2) * 16 + (r & 3) * 4 + (k & 3)));
      const nibble = k & 4 ? byte >> 4 : byte & 15;
      store<f32>(out, <f32>nibble * d + m);
      out += 4;
    }
    tile += 320;
  }
}

export function embedQ8(weight: usize, row: i32, cols: i32, out: usize): void {
  const groups = cols >> 5;
  const r = row & 15;
  let tile = weight + <usize>((row >> 4) * groups) * 544;
  for (let g = 0; g < groups; g++) {
    const d = f16(tile + 512 + <usize>(r << 1));
    for (let k = 0; k < 32; k++) {
      const byte = load<i8>(tile + <usize>((k >> 2) * 64 + (r >> 2) * 16 + (r & 3) * 4 + (k & 3)));
      store<f32>(out, <f32>byte * d);
      out += 4;
    }
    tile += 544;
  }
}
