/**
 * The index of InfiniGen: of each key a few channels in a turned space. The skew is an orthogonal matrix A whose first
 * columns carry most of q and k (methods/skew.ts). With all of them (qA)·(kA) = q·k; the first give most of it.
 */
import { PAGE_TOKENS } from "../../kernels/abi.ts";
import type { IndexScores } from "./policy.ts";

/** (width) = skew (width, D) · from[at …] (D). */
function turn(
  from: Float32Array,
  at: number,
  skew: Float32Array,
  width: number,
  to: Float32Array,
  start: number,
): void {
  const D = skew.length / width;
  for (let c = 0; c < width; c++) {
    let sum = 0;
    for (let d = 0; d < D; d++) sum += skew[c * D + d]! * from[at + d]!;
    to[start + c] = sum;
  }
}

/** @param reach in logits of attention */
export const skewedKeys = (ahead: boolean, reach: number): IndexScores => ({
  kind: "index",
  rows: PAGE_TOKENS,
  width: (_, skewed) => skewed,
  fill(keys, D, skew, rows) {
    const width = skew.length / D;
    for (let t = 0; t < PAGE_TOKENS; t++) turn(keys, t * D, skew, width, rows, t * width);
  },
  probe: (query, skew, probe) => turn(query, 0, skew, probe.length, probe, 0),
  skewed: true,
  ahead,
  reach,
});
