/**
 * The learning rates of a draft (docs/record/log.md). A cut still knows most of what its base knew. Adapters bear a rate that
 * destroys this when all weights learn. Behind a cut by least squares alone they bear 1e-3, but where blocks have
 * learned they stand still at that rate and go on at 4e-4. Rounded weights bear less still. In two bits levels lie
 * further apart, and weights bear more.
 */
import type { DraftFormat } from "./shape.ts";

export const ADAPTERS_RATE = 4e-4;

/**
 * How a rounded draft learns: the rate, and whether weights stay as GPTQ and descent rounded them, while the values
 * behind them learn, norms, biases and the vocabulary. In two bits of q2had text teaches weights nothing more
 * (docs/record/log.md), and those of q2add cannot learn at all.
 */
const ROUNDED: Record<DraftFormat, { readonly rate: number; readonly fixed: boolean }> = {
  lut4: { rate: 3e-5, fixed: false },
  "q2had+q3had": { rate: 8e-5, fixed: true },
  "q2add+q3add": { rate: 8e-5, fixed: true },
};

export const isFixed = (format: DraftFormat): boolean => ROUNDED[format].fixed;

/** @param asked the rate that the user named */
export const rateFor = (format: DraftFormat, asked: number | undefined): number => asked ?? ROUNDED[format].rate;
