/**
 * Blocks of 256 values in groups, each with a scale and a minimum that are small numbers themselves:
 * value = code · (d · scale) − dmin · minimum.
 *
 *   Q2_K   84 B    16 B of a scale's and a minimum's nibble · 64 B codes · f16 d · f16 dmin         16 groups of 16
 *   Q4_K  144 B    f16 d · f16 dmin · 12 B scales and minima · 128 B nibbles                         8 groups of 32
 *   Q5_K  176 B    f16 d · f16 dmin · 12 B scales and minima · 32 B high bits · 128 B nibbles        8 groups of 32
 */
import { f16ToNumber } from "../f16.ts";
import type { BlockLayout } from "./block.ts";

/** Byte l of each half's 32 serves the values l, l + 32, l + 64 and l + 96 of that half, two bits each. */
export const q2_k: BlockLayout = {
  id: 10,
  values: 256,
  bytes: 84,
  read(view, at, out, n) {
    const d = f16ToNumber(view.getUint16(at + 80, true));
    const dmin = f16ToNumber(view.getUint16(at + 82, true));
    for (let group = 0; group < 16; group++) {
      const both = view.getUint8(at + group);
      const scale = d * (both & 15);
      const minimum = dmin * (both >> 4);
      const codes = at + 16 + (group >> 3) * 32 + (group & 1) * 16;
      const shift = ((group >> 1) & 3) * 2;
      for (let j = 0; j < 16; j++) {
        out[n + group * 16 + j] = ((view.getUint8(codes + j) >> shift) & 3) * scale - minimum;
      }
    }
  },
};

/** The 6-bit scale of a group; its minimum has the same bits in the next four bytes, and in the high nibbles. */
function scaleOf(view: DataView, at: number, group: number): number {
  if (group < 4) return view.getUint8(at + group) & 63;
  return (view.getUint8(at + 4 + group) & 15) | ((view.getUint8(at + group - 4) >> 6) << 4);
}

function minimumOf(view: DataView, at: number, group: number): number {
  if (group < 4) return view.getUint8(at + 4 + group) & 63;
  return (view.getUint8(at + 4 + group) >> 4) | ((view.getUint8(at + group) >> 6) << 4);
}

/**
 * The eight groups of a Q4_K or Q5_K block. Two groups share 32 bytes of the nibbles, and the even one has the low
 * halves.
 * @param nibbles the first byte of all nibbles
 * @param fifths the first of 32 bytes whose bit `group` is the fifth of the group's value; undefined: four bits are all
 */
function readGroups(
  view: DataView,
  at: number,
  nibbles: number,
  fifths: number | undefined,
  out: Float32Array,
  n: number,
): void {
  const d = f16ToNumber(view.getUint16(at, true));
  const dmin = f16ToNumber(view.getUint16(at + 2, true));
  for (let group = 0; group < 8; group++) {
    const scale = d * scaleOf(view, at + 4, group);
    const minimum = dmin * minimumOf(view, at + 4, group);
    const pair = nibbles + (group >> 1) * 32;
    const shift = (group & 1) * 4;
    for (let j = 0; j < 32; j++) {
      const low = (view.getUint8(pair + j) >> shift) & 15;
      const high = fifths === undefined ? 0 : ((view.getUint8(fifths + j) >> group) & 1) << 4;
      out[n + group * 32 + j] = (low | high) * scale - minimum;
    }
  }
}

export const q4_k: BlockLayout = {
  id: 12,
  values: 256,
  bytes: 144,
  read(view, at, out, n) {
    readGroups(view, at, at + 16, undefined, out, n);
  },
};

export const q5_k: BlockLayout = {
  id: 13,
  values: 256,
  bytes: 176,
  read(view, at, out, n) {
    readGroups(view, at, at + 48, at + 16, out, n);
  },
};
