/**
 * The weight formats, one row each. Pack headers, recipes, encoding, decoding, kernels and their costs read this
 * table, so a new format is a file in `formats/`, a row here, a rounding in `methods/round.ts`, and a kernel with its
 * plain twin (wasm/README.md).
 */
import type { Format } from "./formats/format.ts";
import { lut3 } from "./formats/lut3.ts";
import { lut4 } from "./formats/lut4.ts";
import { q2add } from "./formats/q2add.ts";
import { q2had } from "./formats/q2had.ts";
import { q3add } from "./formats/q3add.ts";
import { q3had } from "./formats/q3had.ts";
import { q4u } from "./formats/q4u.ts";
import { q8 } from "./formats/q8.ts";

export const FORMATS = { q4u, q8, lut4, lut3, q2had, q3had, q2add, q3add } satisfies Record<string, Format>;

/** A format whose weights lie in blocks of 16 rows. */
export type BlockFormat = keyof typeof FORMATS;

/** Any format of a tensor. `f32` has no blocks: 4 bytes a value, row by row (norms). */
export type WeightFormat = "f32" | BlockFormat;

export const BLOCK_FORMATS = Object.keys(FORMATS) as BlockFormat[];
export const WEIGHT_FORMATS: readonly WeightFormat[] = ["f32", ...BLOCK_FORMATS];
