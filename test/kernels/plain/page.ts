/** A key and a value of one token in a head block of a KV page (drawn in abi.ts), in plain TypeScript. */
import { nearest } from "./numbers.ts";

const f32 = Math.fround;

/** D numbers as integers of at most `limit` and the scale that goes with them. */
function rounded(D: number, x: (i: number) => number, limit: number): { scale: number; ints: number[] } {
  let top = 0;
  for (let i = 0; i < D; i++) top = Math.max(top, Math.abs(x(i)));
  const toInt = top > 0 ? f32(limit / top) : 0;
  return { scale: f32(top / limit), ints: Array.from({ length: D }, (_, i) => nearest(f32(x(i) * toInt))) };
}

export function writeKey(view: DataView, block: number, slot: number, D: number, x: (i: number) => number): void {
  const { scale, ints } = rounded(D, x, 2047);
  view.setFloat32(block + 48 * D + slot * 4, scale, true);
  for (const [i, q] of ints.entries()) {
    view.setInt8(block + slot * D + i, q >> 4);
    const low = lowOf(block, slot, D, i);
    const shift = i & 16 ? 4 : 0;
    view.setUint8(low, (view.getUint8(low) & (shift ? 0x0f : 0xf0)) | ((q & 15) << shift));
  }
}

export function writeValue(view: DataView, block: number, slot: number, D: number, x: (i: number) => number): void {
  const { scale, ints } = rounded(D, x, 127);
  view.setFloat32(block + 80 * D + 128 + slot * 4, scale, true);
  for (const [i, q] of ints.entries()) view.setInt8(block + 48 * D + 128 + slot * D + i, q);
}

export function readKey(view: DataView, block: number, slot: number, D: number): number[] {
  const scale = view.getFloat32(block + 48 * D + slot * 4, true);
  return Array.from({ length: D }, (_, i) => {
    const low = view.getUint8(lowOf(block, slot, D, i));
    return f32(scale * (16 * view.getInt8(block + slot * D + i) + (i & 16 ? low >> 4 : low & 15)));
  });
}

export function readValue(view: DataView, block: number, slot: number, D: number): number[] {
  const scale = view.getFloat32(block + 80 * D + 128 + slot * 4, true);
  return Array.from({ length: D }, (_, i) => f32(scale * view.getInt8(block + 48 * D + 128 + slot * D + i)));
}

const lowOf = (block: number, slot: number, D: number, i: number): number =>
  block + 32 * D + (slot * D + (i & ~31)) / 2 + (i & 15);
