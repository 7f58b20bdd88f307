/** The plain twins of the weight formats, one row each. */
import type { BlockFormat } from "../../model/formats.ts";
import { plainQ2add, plainQ3add } from "./additive.ts";
import { plainQ4u, plainQ8 } from "./grouped.ts";
import { plainLut3, plainLut4 } from "./lut.ts";
import { plainQ2had } from "./q2had.ts";
import { plainQ3had } from "./q3had.ts";
import type { Twin } from "./twin.ts";

export const TWINS: { readonly [F in BlockFormat]: Twin } = {
  q4u: plainQ4u,
  q8: plainQ8,
  lut4: plainLut4,
  lut3: plainLut3,
  q2had: plainQ2had,
  q3had: plainQ3had,
  q2add: plainQ2add,
  q3add: plainQ3add,
};
