/**
 * The learning rates of a draft (docs/log.md). A cut still knows most of what its base knew. Adapters bear a rate that
 * destroys this when all weights learn. Behind a cut by least squares alone they bear 1e-3, but where blocks have
 * learned they stand still at that rate and go on at 4e-4. Rounded weights bear less still: in three bits 3e-5 brought a
 * draft from 0.770 to 0.789 of its target's tokens, and 1.5e-4 to 0.729. In two bits levels lie further apart: 8e-5
 * brought a draft from 0.596 to 0.626.
 */
import type { DraftFormat } from "./shape.ts";

export const ADAPTERS_RATE = 4e-4;

/** Of all weights, rounded. */
const RATES: Record<DraftFormat, number> = {
  lut4: 3e-5,
  lut3: 3e-5,
  q2lut: 8e-5,
  "q2lut+lut3": 8e-5,
  q2had: 8e-5,
  "q2had+q3had": 8e-5,
};

/**
 * Formats whose weights stay as GPTQ and descent rounded them, while the values behind them learn, norms, biases and the
 * vocabulary. In two bits text teaches the weights nothing more (docs/log.md); in three and four they learn.
 */
const FIXED: ReadonlySet<DraftFormat> = new Set(["q2had", "q2had+q3had"]);
export const isFixed = (format: DraftFormat): boolean => FIXED.has(format);

/** @param asked the rate that the user named */
export const rateFor = (format: DraftFormat, asked: number | undefined): number => asked ?? RATES[format];
