/** Reads the keys of a full page (kernels/abi.ts draws it) turns them, and writes the rows of an index. */
import { PAGE_TOKENS } from "../../kernels/abi.ts";
import type { Bytes } from "../../kernels/address.ts";

/** keys (32, D) = those of the head block at `block`. */
export function readKeys(memory: ArrayBufferLike, block: number, D: number, keys: Float32Array): void {
  const high = new Int8Array(memory, block, PAGE_TOKENS * D);
  const low = new Uint8Array(memory, block + PAGE_TOKENS * D, (PAGE_TOKENS * D) / 2);
  const scales = new Float32Array(memory, block + 48 * D, PAGE_TOKENS);
  for (let t = 0; t < PAGE_TOKENS; t++) {
    const scale = scales[t]!;
    for (let c = 0; c < D; c += 32) {
      const at = t * D + c;
      for (let j = 0; j < 16; j++) {
        const lows = low[(at >> 1) + j]!;
        keys[at + j] = scale * (16 * high[at + j]! + (lows & 15));
        keys[at + 16 + j] = scale * (16 * high[at + 16 + j]! + (lows >> 4));
      }
    }
  }
}

/**
 * to (width) = skew (width, D) · from (D). The skew is an orthogonal matrix A whose first columns carry most of q and k
 * (compress/methods/skew.ts). With all of them (qA)·(kA) = q·k; the first give most of it.
 */
export function turn(from: Float32Array, skew: Float32Array, to: Float32Array): void {
  const D = from.length;
  for (let c = 0; c < skew.length / D; c++) {
    let sum = 0;
    for (let d = 0; d < D; d++) sum += skew[c * D + d]! * from[d]!;
    to[c] = sum;
  }
}

/** Writes rows (R, W) to an index at `to`. */
export function writeRows(memory: ArrayBufferLike, to: Bytes, rows: Float32Array, R: number, W: number): void {
  const bytes = new Int8Array(memory, to, R * W);
  const scales = new Float32Array(memory, to + R * W, R);
  const sums = new Int32Array(memory, to + R * W + 4 * R, R);
  for (let r = 0; r < R; r++) {
    let top = 0;
    for (let c = 0; c < W; c++) top = Math.max(top, Math.abs(rows[r * W + c]!));
    const toInt = top > 0 ? 127 / top : 0;
    let sum = 0;
    for (let c = 0; c < W; c++) {
      const q = Math.round(rows[r * W + c]! * toInt);
      bytes[(c >> 2) * R * 4 + r * 4 + (c & 3)] = q;
      sum += q;
    }
    scales[r] = top / 127;
    sums[r] = 64 * sum;
  }
}
