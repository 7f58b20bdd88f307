/** Moments of random queries and keys, for a skew that is orthogonal and means nothing. */
import type { Calibration } from "../../src/tools/compress/calibrate/calibration.ts";
import { seeded } from "./random.ts";

export const anySkew = {
  async moments({ config: { layers, kvHeads, headSize: D } }) {
    const random = seeded(9);
    const squares = (): Float64Array => {
      const sums = new Float64Array(D * D);
      for (let n = 0; n < 2 * D; n++) {
        const x = Array.from({ length: D }, (_, d) => (random() - 0.5) * (1 + d));
        for (let i = 0; i < D; i++) for (let j = 0; j < D; j++) sums[i * D + j]! += x[i]! * x[j]!;
      }
      return sums;
    };
    const head = () => ({ queries: squares(), keys: squares() });
    return Array.from({ length: layers }, () => Array.from({ length: kvHeads }, head));
  },
} as Pick<Calibration, "moments"> as Calibration;
