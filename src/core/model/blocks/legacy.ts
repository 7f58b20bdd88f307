/**
 * Blocks of 32 values with one scale.
 *
 *   Q4_0   18 B    f16 d · 16 B nibbles                    (nibble − 8) · d
 *   Q4_1   20 B    f16 d · f16 m · 16 B nibbles            nibble · d + m
 *   Q5_0   22 B    f16 d · u32 high bits · 16 B nibbles    (5 bits − 16) · d
 *   Q5_1   24 B    f16 d · f16 m · u32 high bits · 16 B    5 bits · d + m
 *   Q8_0   34 B    f16 d · 32 × int8                       byte · d
 *
 * Byte j of the nibbles holds value j in its low half and value j + 16 in its high one; bit j of the high bits is the
 * fifth of value j.
 */
import { f16ToNumber } from "../f16.ts";
import type { BlockLayout } from "./block.ts";

export const q4_0: BlockLayout = {
  id: 2,
  values: 32,
  bytes: 18,
  read(view, at, out, n) {
    const d = f16ToNumber(view.getUint16(at, true));
    for (let j = 0; j < 16; j++) {
      const byte = view.getUint8(at + 2 + j);
      out[n + j] = ((byte & 15) - 8) * d;
      out[n + j + 16] = ((byte >> 4) - 8) * d;
    }
  },
};

export const q4_1: BlockLayout = {
  id: 3,
  values: 32,
  bytes: 20,
  read(view, at, out, n) {
    const d = f16ToNumber(view.getUint16(at, true));
    const m = f16ToNumber(view.getUint16(at + 2, true));
    for (let j = 0; j < 16; j++) {
      const byte = view.getUint8(at + 4 + j);
      out[n + j] = (byte & 15) * d + m;
      out[n + j + 16] = (byte >> 4) * d + m;
    }
  },
};

/** Writes the 32 codes of five bits, 0 … 31, to `out` from `n` on. `at`: the high bits, which the nibbles follow. */
export function readFiveBits(view: DataView, at: number, out: Float32Array | Uint8Array, n: number): void {
  const high = view.getUint32(at, true);
  for (let j = 0; j < 16; j++) {
    const byte = view.getUint8(at + 4 + j);
    out[n + j] = (byte & 15) | (((high >>> j) & 1) << 4);
    out[n + j + 16] = (byte >> 4) | (((high >>> (j + 16)) & 1) << 4);
  }
}

export const q5_0: BlockLayout = {
  id: 6,
  values: 32,
  bytes: 22,
  read(view, at, out, n) {
    const d = f16ToNumber(view.getUint16(at, true));
    readFiveBits(view, at + 2, out, n);
    for (let j = n; j < n + 32; j++) out[j] = (out[j]! - 16) * d;
  },
};

export const q5_1: BlockLayout = {
  id: 7,
  values: 32,
  bytes: 24,
  read(view, at, out, n) {
    const d = f16ToNumber(view.getUint16(at, true));
    const m = f16ToNumber(view.getUint16(at + 2, true));
    readFiveBits(view, at + 4, out, n);
    for (let j = n; j < n + 32; j++) out[j] = out[j]! * d + m;
  },
};

export const q8_0: BlockLayout = {
  id: 8,
  values: 32,
  bytes: 34,
  read(view, at, out, n) {
    const d = f16ToNumber(view.getUint16(at, true));
    for (let j = 0; j < 32; j++) out[n + j] = view.getInt8(at + 2 + j) * d;
  },
};
