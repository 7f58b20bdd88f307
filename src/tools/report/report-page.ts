/** The report on packs as one HTML file that loads nothing. */
import { escapeHtml, htmlPage, htmlTable } from "../charts/html.ts";
import { figureTable, LEGEND } from "../evaluate/columns.ts";
import type { Figures } from "../evaluate/figures.ts";
import type { Analysis, BlockLoss } from "./analysis.ts";
import { budgetPlot } from "./budget.ts";
import type { Counts, Kind } from "./contents.ts";
import { heatmap, largestError } from "./heatmap.ts";
import { MEASURES, type PlottedMeasure } from "./measures.ts";
import { paretoFront } from "./pareto-front.ts";
import { type Dot, scatterPlot } from "./scatter.ts";

export interface Reported {
  /** The `pack` of these figures is a short name. */
  readonly figures: Figures;
  readonly bytes: Readonly<Record<Kind, number>>;
  readonly counts: Counts;
  readonly analysis: Analysis;
}

interface Original {
  readonly model: string;
  readonly counts: Counts;
}

const STYLE = `
body { max-width: 1180px; }
th, td { padding: 3px 7px; }
.dot { fill-opacity: 0.5; stroke-width: 1.5; fill: var(--amber); stroke: var(--amber); }
.dot.front { fill: var(--green); stroke: var(--green); }
.name.front { fill: var(--green); }
.name.behind { fill: var(--amber); }
.stairs { stroke: var(--green); stroke-width: 1.5; stroke-dasharray: 5 4; fill: none; }
.heat { fill: var(--amber); }
.gone { fill: var(--line); }
.other { fill: none; stroke: var(--line); stroke-dasharray: 3 3; }
.number { fill: var(--ink); font-size: 10px; }
.kind.embedding { fill: light-dark(#3d6fb4, #7fb0ee); }
.kind.head { fill: light-dark(#8a5fb0, #c39be6); }
.kind.attention { fill: var(--amber); }
.kind.MLP { fill: var(--green); }
.kind.norms { fill: var(--soft); }
h3 { margin: 1.6rem 0 0.4rem; font-size: 0.95rem; }
`;

/** The page, with packs in the order of their size. */
export function reportPage(packs: readonly Reported[], original: Original): string {
  const sorted = [...packs].sort((a, b) => a.figures.bytes - b.figures.bytes);
  const figures = sorted.map((pack) => pack.figures);
  const paragraphs = [...new Set(figures.map(({ on }) => on))].map((on) => `Figures on ${on}.`);
  const largest = largestError(sorted.map(({ analysis }) => analysis.blocks ?? []));
  return htmlPage(
    `${packs.length} packs of ${original.model}`,
    STYLE,
    `${lines(paragraphs)}
${MEASURES.map((measure) => plotSection(figures, measure)).join("\n")}
<h2>All figures, by size</h2>
${figuresSection(figures)}
<h2>Where the bytes lie</h2>
${budgetPlot(sorted.map(({ figures: { pack }, bytes }) => ({ name: pack, bytes })))}
<h2>What was removed</h2>
${removedTable(sorted, original)}
<h2>What each block lost</h2>
${lines([
  "Squares: relative Frobenius error of each matrix against the original's, in %; " +
    `the strongest colour is ${(100 * largest).toFixed(0)} %.`,
  "Grey: removed. Dashed: of another shape, not compared.",
])}
${sorted.map((pack) => blocksSection(pack, original, largest)).join("\n")}`,
  );
}

const lines = (texts: readonly string[]): string => texts.map((text) => `<p>${escapeHtml(text)}</p>`).join("\n");

const dotsOf = (figures: readonly Figures[], { of }: PlottedMeasure): Dot[] =>
  figures.flatMap((each) => {
    const value = of(each);
    return value === undefined ? [] : [{ name: each.pack, size: each.bytes / 1e6, value }];
  });

function plotSection(figures: readonly Figures[], measure: PlottedMeasure): string {
  const dots = dotsOf(figures, measure);
  if (dots.length === 0) return "";
  const missing = figures.filter((each) => measure.of(each) === undefined).map(({ pack }) => pack);
  return `<h2>Size against ${escapeHtml(measure.name)}</h2>
${scatterPlot(dots, measure)}
${missing.length > 0 ? lines([`Without this figure: ${missing.join(", ")}.`]) : ""}`;
}

/** The table of `outrider eval`, with the fronts that each pack is on. */
function figuresSection(figures: readonly Figures[]): string {
  const { heads, rows } = figureTable(figures);
  const fronts = MEASURES.map((measure) => ({
    letter: measure.letter,
    names: paretoFront(dotsOf(figures, measure), measure.better).map(({ name }) => name),
  }));
  const onFront = ({ pack }: Figures) => fronts.filter(({ names }) => names.includes(pack)).map(({ letter }) => letter);
  const table = htmlTable(
    [...heads, "front"],
    rows.map((cells, n) => [...cells, onFront(figures[n]!).join(" ")]),
  );
  const letters = MEASURES.map(({ letter, name }) => `${letter} ${name.split(",")[0]}`).join(", ");
  return `${table}\n${lines([...LEGEND, `front: nothing smaller is as good in ${letters}.`])}`;
}

function removedTable(packs: readonly Reported[], original: Original): string {
  const names: readonly (readonly [keyof Counts, string])[] = [
    ["blocks", "blocks"],
    ["queryHeads", "query heads"],
    ["kvHeads", "key/value heads"],
    ["channels", "channels"],
    ["width", "residual width"],
    ["vocabulary", "vocabulary rows"],
  ];
  const rows = packs.map(({ figures, counts, analysis }) => [
    figures.pack,
    ...names.map(([name]) => {
      const removed = original.counts[name] - counts[name];
      return removed === 0 ? "–" : `${removed} of ${original.counts[name]}`;
    }),
    `${(100 * analysis.zeros).toFixed(1)} %`,
  ]);
  return htmlTable(["pack", ...names.map(([, name]) => name), "zeros among block weights"], rows);
}

function blocksSection({ figures, analysis }: Reported, original: Original, largest: number): string {
  const { blocks } = analysis;
  const body = blocks
    ? heatmap(blocks, original.counts.blocks, largest) + lines(remarks(blocks))
    : lines(["Which blocks of the original these are is unknown: no block has the same norms."]);
  return `<h3>${escapeHtml(figures.pack)}</h3>\n${body}`;
}

function remarks(blocks: readonly BlockLoss[]): string[] {
  const other = blocks.filter(({ errors }) => !errors).length;
  return other > 0
    ? [`${other} of ${blocks.length} blocks have another shape than the original's and are not compared.`]
    : [];
}
