/**
 * Blocks of 256 values in 16 groups of 16, each with a scale that is a small number itself: value = code · (d · scale).
 *
 *   Q3_K  110 B    32 B high bits · 64 B low pairs · 12 B scales · f16 d      code is 3 bits − 4
 *   Q6_K  210 B    128 B low nibbles · 64 B high pairs · 16 × int8 scales · f16 d      code is 6 bits − 32
 */
import { f16ToNumber } from "../f16.ts";
import type { BlockLayout } from "./block.ts";

/**
 * The 6-bit scale of a group, less 32: its low nibble lies in the first eight bytes, its high pair in the last four.
 */
function scaleOf(view: DataView, at: number, group: number): number {
  const low = (view.getUint8(at + (group & 7)) >> (4 * (group >> 3))) & 15;
  const high = (view.getUint8(at + 8 + (group & 3)) >> (2 * (group >> 2))) & 3;
  return (low | (high << 4)) - 32;
}

/** Pairs lie as in Q2_K. Bit i of high byte j serves value j of the i-th 32: where it is 0, 4 is taken off. */
export const q3_k: BlockLayout = {
  id: 11,
  values: 256,
  bytes: 110,
  read(view, at, out, n) {
    const d = f16ToNumber(view.getUint16(at + 108, true));
    for (let group = 0; group < 16; group++) {
      const scale = d * scaleOf(view, at + 96, group);
      const within = (group & 1) * 16;
      const pairs = at + 32 + (group >> 3) * 32 + within;
      const shift = ((group >> 1) & 3) * 2;
      for (let j = 0; j < 16; j++) {
        const low = (view.getUint8(pairs + j) >> shift) & 3;
        const high = (view.getUint8(at + within + j) >> (group >> 1)) & 1;
        out[n + group * 16 + j] = (low - 4 * (1 - high)) * scale;
      }
    }
  },
};

/** Two halves of 128; in each, byte l of `low` and of `high` serves the values l, l + 32, l + 64 and l + 96. */
export const q6_k: BlockLayout = {
  id: 14,
  values: 256,
  bytes: 210,
  read(view, at, out, n) {
    const d = f16ToNumber(view.getUint16(at + 208, true));
    for (let quarter = 0; quarter < 8; quarter++) {
      const half = quarter >> 2;
      const part = quarter & 3;
      const low = at + half * 64 + (part & 1) * 32;
      const high = at + 128 + half * 32;
      const lowShift = (part >> 1) * 4;
      for (let l = 0; l < 32; l++) {
        const bits = ((view.getUint8(low + l) >> lowShift) & 15) | (((view.getUint8(high + l) >> (part * 2)) & 3) << 4);
        const scale = view.getInt8(at + 192 + half * 8 + part * 2 + (l >> 4));
        out[n + quarter * 32 + l] = (bits - 32) * (d * scale);
      }
    }
  },
};
