/**
 * Nibbles into a table of 16 uneven levels: value = level[nibble] · d, and in IQ4_XS times a group's scale.
 *
 *   IQ4_NL   18 B    f16 d · 16 B nibbles                                                 32 values
 *   IQ4_XS  136 B    f16 d · u16 high pairs of scales · 4 B low nibbles · 128 B nibbles     8 groups of 32
 *
 * Byte j of 16 nibbles holds value j in its low half and value j + 16 in its high one.
 */
import { f16ToNumber } from "../f16.ts";
import type { BlockLayout } from "./block.ts";

const LEVELS = Int8Array.of(-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113);

function readGroup(view: DataView, at: number, scale: number, out: Float32Array, n: number): void {
  for (let j = 0; j < 16; j++) {
    const byte = view.getUint8(at + j);
    out[n + j] = LEVELS[byte & 15]! * scale;
    out[n + j + 16] = LEVELS[byte >> 4]! * scale;
  }
}

export const iq4_nl: BlockLayout = {
  id: 20,
  values: 32,
  bytes: 18,
  read(view, at, out, n) {
    readGroup(view, at + 2, f16ToNumber(view.getUint16(at, true)), out, n);
  },
};

export const iq4_xs: BlockLayout = {
  id: 23,
  values: 256,
  bytes: 136,
  read(view, at, out, n) {
    const d = f16ToNumber(view.getUint16(at, true));
    const pairs = view.getUint16(at + 2, true);
    for (let group = 0; group < 8; group++) {
      const low = (view.getUint8(at + 4 + (group >> 1)) >> (4 * (group & 1))) & 15;
      const scale = (low | (((pairs >> (2 * group)) & 3) << 4)) - 32;
      readGroup(view, at + 8 + 16 * group, d * scale, out, n + 32 * group);
    }
  },
};
