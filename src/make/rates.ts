/**
 * Learning rates of a draft. A cut that was repaired, and a model that was not cut, still know most of what they knew,
 * and a fast rate destroys it: at 5e-4 a repaired cut fell from 0.51 to 0.32 of the target's tokens, at 1e-4 it rose at
 * once (docs/log.md). Cuts without a repair were taught at the faster rates; no others were compared.
 */
import { type Base, type DraftShape, isNarrowed } from "./shape.ts";

/** The highest rate of each part. */
export interface Rates {
  readonly teach: number;
  readonly round: number;
}

const CAREFUL: Rates = { teach: 1e-4, round: 1e-4 };
const UNREPAIRED: Rates = { teach: 7e-4, round: 3e-4 };

/** @param asked the rate that the user named, which then holds for both parts */
export function ratesFor(base: Base, shape: DraftShape, asked: number | undefined): Rates {
  if (asked !== undefined) return { teach: asked, round: asked };
  const isRepaired = isNarrowed(base, shape);
  return isRepaired || shape.blocks === base.config.layers ? CAREFUL : UNREPAIRED;
}
