/** Distributes sparsity over blocks by OWL (methods/owl.ts). */

import type { PackedModel } from "../../../core/format/pack.ts";
import { OutriderError } from "../../../core/model/errors.ts";
import type { Calibration } from "../calibrate/calibration.ts";
import type { Pattern } from "../methods/masks.ts";
import { owlSparsities } from "../methods/owl.ts";

export interface Owl {
  /** The paper's M, 5 or 7: an outlier's score is over so many times the mean of its block. */
  readonly times: number;
  /** The paper's λ, 0.08: no block's sparsity is further from the mean. */
  readonly reach: number;
}

/**
 * The pattern of each block; on average it is `pattern`. Throws `bad_recipe` for a pattern with a fixed share of zeros,
 * and where a block would lose less than nothing or more than all.
 */
export async function owlPatterns(
  model: PackedModel,
  pattern: Pattern,
  { times, reach }: Owl,
  calibration: Calibration,
): Promise<Pattern[]> {
  if (pattern.per !== "row" && pattern.per !== "matrix") {
    throw bad(`patterns per ${pattern.per} have one sparsity; choose per row or per matrix`);
  }
  const sparsities = owlSparsities(await calibration.outliers(model, times), pattern.sparsity, reach);
  const least = Math.min(...sparsities);
  const most = Math.max(...sparsities);
  if (least < 0 || most > 1) {
    throw bad(
      `blocks would lose from ${least.toFixed(3)} to ${most.toFixed(3)} of their weights; ` +
        `shorten reach (${reach}) or move sparsity away from the end`,
    );
  }
  return sparsities.map((sparsity) => ({ ...pattern, sparsity }));
}

const bad = (message: string) => new OutriderError("bad_recipe", `owl: ${message}`);
