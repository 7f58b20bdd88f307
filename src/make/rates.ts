/**
 * The learning rate of a draft whose cut was taught block by block. It still knows most of what it knew, and a fast
 * rate destroys that: at 5e-4 a repaired cut fell from 0.51 to 0.32 of the target's tokens, at 1e-4 it rose at once.
 * Weights that are rounded to two bits only move at a faster rate than others (docs/log.md).
 */
import type { DraftFormat } from "./shape.ts";

const RATES: Record<DraftFormat, number> = { lut4: 1e-4, lut3: 1e-4, q2lut: 2e-4 };

/** @param asked the rate that the user named */
export const rateFor = (format: DraftFormat, asked: number | undefined): number => asked ?? RATES[format];
