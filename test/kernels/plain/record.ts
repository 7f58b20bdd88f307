/** Activation records (drawn in abi.ts), written and read in plain TypeScript. */
import { activationBytes } from "../../../src/core/kernels/abi.ts";
import { nearest } from "./numbers.ts";

const f32 = Math.fround;
/** The largest integer of 14 bits. */
const LIMIT = 8191;

/** Byte offsets of the parts of a record of n activations, in both widths. */
function recordParts(n: number) {
  const sumBytes = Math.ceil(n / 32 / 4) * 16;
  const planes = 16 + 2 * sumBytes;
  return {
    sums: 16,
    sums8: 16 + sumBytes,
    hi: planes,
    lo: planes + n,
    biased: planes + 2 * n,
    byte: planes + 3 * n,
    words: planes + 4 * n,
  };
}

/** Writes the record of n values to `act`. */
export function writeRecord(view: DataView, n: number, value: (k: number) => number, act: number): void {
  let top = 0;
  for (let k = 0; k < n; k++) top = Math.max(top, Math.abs(value(k)));
  const toInt = top > 0 ? f32(LIMIT / top) : 0;
  view.setFloat32(act, f32(top / LIMIT), true);
  view.setFloat32(act + 4, f32(64 * f32(top / LIMIT)), true);
  const { sums, sums8, hi, lo, biased, byte, words } = recordParts(n);
  const add = (at: number, q: number): void => view.setFloat32(at, view.getFloat32(at, true) + q, true);
  for (let g = 0; g < n / 32; g++) for (const from of [sums, sums8]) view.setFloat32(act + from + g * 4, 0, true);
  for (let k = 0; k < n; k++) {
    const q = nearest(f32(value(k) * toInt));
    const q8 = Math.min(127, (q + 32) >> 6);
    view.setInt8(act + hi + k, q >> 7);
    view.setInt8(act + lo + k, q & 127);
    view.setInt8(act + biased + k, (q >> 7) + 64);
    view.setInt8(act + byte + k, q8);
    view.setInt16(act + words + 2 * k, q, true);
    const group = (k >> 5) * 4;
    add(act + sums + group, q);
    add(act + sums8 + group, q8);
  }
}

/** Record `t` of records of n activations at `act`: its scale, and the integer of each column. */
export function readRecord(
  view: DataView,
  act: number,
  t: number,
  n: number,
  bits: number,
): { scale: number; q: number[] } {
  const { hi, lo, byte } = recordParts(n);
  const at = act + t * activationBytes(n);
  const q = (k: number): number =>
    bits === 8 ? view.getInt8(at + byte + k) : 128 * view.getInt8(at + hi + k) + view.getInt8(at + lo + k);
  return { scale: view.getFloat32(at + (bits === 8 ? 4 : 0), true), q: Array.from({ length: n }, (_, k) => q(k)) };
}
