// One row of a tiled matrix as f32: the embedding of a token. Layouts are drawn in src/model/layouts.ts.
import { f16 } from "../lib/f16";

export function embedQ4u(weight: usize, blockBytes: i32, row: i32, cols: i32, out: usize): void {
  const r = row & 15;
  let tile = weight + <usize>((row >> 4) * blockBytes);
  for (let g = 0; g < cols >> 5; g++) {
    const d = f16(tile + 256 + <usize>(r << 1));
    const m = f16(tile + 288 + <usize>(r << 1));
    for (let k = 0; k < 32; k++) {
      const byte = load<u8>(tile + <usize>((k >> 3) * 64 + r * 4 + (k & 3)));
      const nibble = k & 4 ? byte >> 4 : byte & 15;
      store<f32>(out, <f32>nibble * d + m);
      out += 4;
    }
    tile += 320;
  }
}

export function embedQ8(weight: usize, blockBytes: i32, row: i32, cols: i32, out: usize): void {
  const r = row & 15;
  let tile = weight + <usize>((row >> 4) * blockBytes);
  for (let g = 0; g < cols >> 5; g++) {
    const d = f16(tile + 512 + <usize>(r << 1));
    for (let k = 0; k < 32; k++) {
      store<f32>(out, <f32>load<i8>(tile + <usize>((k >> 2) * 64 + r * 4 + (k & 3))) * d);
      out += 4;
    }
    tile += 576;
  }
}

// Row r of a block of lut4 or lut3: a · codebook[code] + b, with the code of each column.
@inline function lutRow(block: usize, r: i32, cols: i32, pairBytes: i32, entries: i32, out: usize): void {
  const strip = <usize>((cols >> 6) * pairBytes);
  let tile = block + strip * (r >> 1);
  const books = block + (strip << 3);
  const book = books + <usize>(r * entries);
  const lines = books + <usize>((entries << 4) + (r << 2));
  const a = load<f32>(lines), b = load<f32>(lines, 64);
  for (let g = 0; g < cols; g += 64) {
    for (let k = 0; k < 64; k++) {
      const code = entries == 16 ? code4(tile, r & 1, k) : code3(tile, r & 1, k);
      store<f32>(out, a * <f32>load<u8>(book + code) + b);
      out += 4;
    }
    tile += pairBytes;
  }
}

function code4(tile: usize, r: i32, k: i32): usize {
  const byte = load<u8>(tile + <usize>((r << 5) + ((k >> 5) << 4) + (k & 15)));
  return k & 16 ? byte >> 4 : byte & 15;
}

function code3(tile: usize, r: i32, k: i32): usize {
  const own = <u32>load<u8>(tile + <usize>((r << 4) + (k & 15)));
  const both = <u32>load<u8>(tile + <usize>(32 + (k & 15)));
  if (k < 32) return (own >> (3 * (k >> 4))) & 7;
  return k < 48 ? (both >> (3 * r)) & 7 : (own >> 6) | (((both >> (6 + r)) & 1) << 2);
}

export function embedLut4(weight: usize, blockBytes: i32, row: i32, cols: i32, out: usize): void {
  lutRow(weight + <usize>((row >> 4) * blockBytes), row & 15, cols, 64, 16, out);
}

export function embedLut3(weight: usize, blockBytes: i32, row: i32, cols: i32, out: usize): void {
  lutRow(weight + <usize>((row >> 4) * blockBytes), row & 15, cols, 48, 8, out);
}

export function embedQ2lut(weight: usize, blockBytes: i32, row: i32, cols: i32, out: usize): void {
  const block = weight + <usize>((row >> 4) * blockBytes);
  const levels = block + <usize>(cols << 2);
  const scale = load<f32>(levels + <usize>((row & 15) << 2), 16);
  const from = block + <usize>(((row & 7) << 1) + ((row & 15) >> 3));
  for (let k = 0; k < cols; k++) {
    const code = (load<u8>(from + <usize>((k >> 2) << 4)) >> <u8>((k & 3) << 1)) & 3;
    store<f32>(out, scale * load<f32>(levels + (<usize>code << 2)));
    out += 4;
  }
}
