/** Figures as the cells of a table, in text and in HTML. */
import type { Acceptance } from "./acceptance.ts";
import type { Figures } from "./figures.ts";
import type { Served } from "./replay.ts";

interface Column {
  readonly head: string;
  readonly cell: (figures: Figures) => string | undefined;
}

const number = (head: string, digits: number, of: (figures: Figures) => number | undefined): Column => ({
  head,
  cell: (figures) => of(figures)?.toFixed(digits),
});
const percent = (head: string, of: (figures: Figures) => number | undefined): Column => ({
  head,
  cell: (figures) => {
    const share = of(figures);
    return share === undefined ? undefined : `${(100 * share).toFixed(2)} %`;
  },
});
const accepted = (of: (figures: Figures) => Acceptance | undefined, suffix: string): Column[] => [
  percent(`accepted${suffix}`, (figures) => of(figures)?.agreement),
  number(`pass of 4${suffix}`, 2, (figures) => of(figures)?.tokensPerPass4),
  number(`pass of 8${suffix}`, 2, (figures) => of(figures)?.tokensPerPass8),
];
const servedColumns = (of: (figures: Figures) => Served | undefined, suffix: string): Column[] => [
  number(`served, model${suffix}`, 2, (figures) => of(figures)?.model),
  number(`served, lookup${suffix}`, 2, (figures) => of(figures)?.lookup),
  number(`served, both${suffix}`, 2, (figures) => of(figures)?.both),
];

const COLUMNS: readonly Column[] = [
  { head: "pack", cell: ({ pack }) => pack },
  number("MB", 1, ({ bytes }) => bytes / 1e6),
  number("bits/weight", 2, ({ bitsPerWeight }) => bitsPerWeight),
  number("perplexity", 3, ({ perplexity }) => perplexity),
  number("KL, nats", 4, ({ divergence }) => divergence),
  percent("top-1", ({ agreement }) => agreement),
  ...accepted(({ acceptance }) => acceptance, ""),
  ...accepted(({ acceptanceWithoutLoops }) => acceptanceWithoutLoops, "*"),
  ...servedColumns(({ served }) => served, ""),
  percent("kept, model", ({ acceptanceRates }) => acceptanceRates?.model),
  percent("kept, both", ({ acceptanceRates }) => acceptanceRates?.both),
  ...servedColumns(({ servedWithoutLoops }) => servedWithoutLoops, "*"),
  number("tokens/s", 1, ({ decodeTps }) => decodeTps),
];

/** What the heads mean. */
export const LEGEND = [
  "bits/weight: of the block matrices as stored. KL and top-1: against the other model, on the text. " +
    "–: not defined for this pack.",
  "accepted: share of answer tokens that equal the pack's argmax, teacher-forced. " +
    "pass of 4, 8: tokens per target pass with so many drafted.",
  "served: tokens per target pass as the service drafts. " +
    "lookup: copies from the timeline. both: for each token, what model and lookup together think likeliest.",
  "kept: acceptance rate as served, accepted draft tokens ÷ positions at which any were verified.",
  "*: without answers that repeat 8 tokens in a row four times or more.",
];

/** Heads, and a row a model; without columns that none of them has. */
export function figureTable(all: readonly Figures[]): { heads: string[]; rows: string[][] } {
  const columns = COLUMNS.filter(({ cell }) => all.some((figures) => cell(figures) !== undefined));
  return {
    heads: columns.map(({ head }) => head),
    rows: all.map((figures) => columns.map(({ cell }) => cell(figures) ?? "–")),
  };
}
