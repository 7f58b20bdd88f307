/** What samples from logits, in plain TypeScript. */

import type { Kernels } from "../../../src/core/kernels/abi.ts";
import { gumbel, noiseBits } from "../../../src/core/model/noise.ts";
import { exp32, laneSum } from "./numbers.ts";

const f32 = Math.fround;

export function plainSampling(view: DataView): Pick<Kernels, "argmax" | "gumbelArgmax" | "logSumExp" | "gatherAbove"> {
  const getF32 = (at: number): number => view.getFloat32(at, true);
  const setF32 = (at: number, value: number): void => view.setFloat32(at, value, true);

  const argmax = (x: number, n: number): number => {
    let best = 0;
    for (let i = 1; i < n; i++) if (getF32(x + i * 4) > getF32(x + best * 4)) best = i;
    return best;
  };

  return {
    argmax,

    gumbelArgmax(x, n, ids, scale, floor, a, b) {
      const likeliest = argmax(x, n);
      const top = getF32(x + likeliest * 4);
      const token = (i: number): number => (ids ? view.getUint32(ids + 4 * i, true) : i);
      const noise = (i: number): number => gumbel(noiseBits({ a, b }, token(i)));
      let winner = likeliest;
      let best = noise(likeliest);
      for (let i = 0; i < n; i++) {
        const v = (getF32(x + i * 4) - top) * scale;
        if (v >= floor && v + noise(i) > best) {
          best = v + noise(i);
          winner = i;
        }
      }
      return winner;
    },

    logSumExp(x, n, scale) {
      const top = getF32(x + argmax(x, n) * 4);
      const e = (i: number): number => exp32(Math.max(-60, f32(f32(getF32(x + i * 4) - top) * f32(scale))));
      return top * scale + Math.log(laneSum(n, e));
    },

    gatherAbove(x, n, cut, out, room) {
      let count = 0;
      for (let i = 0; i < n; i++) {
        if (!(getF32(x + i * 4) >= f32(cut))) continue;
        if (count < room) setF32(out + count * 4, getF32(x + i * 4));
        count++;
      }
      return count;
    },
  };
}
