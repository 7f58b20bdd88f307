/** What is plotted against the size of packs. */
import type { Acceptance } from "../evaluate/acceptance.ts";
import type { Figures } from "../evaluate/figures.ts";
import type { Measure } from "./scatter.ts";

export interface PlottedMeasure extends Measure {
  /** Short name in the table. */
  readonly letter: string;
  readonly of: (figures: Figures) => number | undefined;
}

const agreement = (acceptance: Acceptance | undefined) => acceptance && 100 * acceptance.agreement;

export const MEASURES: readonly PlottedMeasure[] = [
  {
    name: "acceptance, % of answer tokens",
    letter: "A",
    better: 1,
    scale: "linear",
    digits: 2,
    of: ({ acceptance }) => agreement(acceptance),
  },
  {
    name: "acceptance without loops, % of answer tokens",
    letter: "A*",
    better: 1,
    scale: "linear",
    digits: 2,
    of: ({ acceptanceWithoutLoops }) => agreement(acceptanceWithoutLoops),
  },
  {
    name: "tokens a pass, 8 drafted",
    letter: "T",
    better: 1,
    scale: "linear",
    digits: 2,
    of: ({ acceptance }) => acceptance?.tokensPerPass8,
  },
  { name: "perplexity", letter: "P", better: -1, scale: "logarithmic", digits: 3, of: ({ perplexity }) => perplexity },
];
