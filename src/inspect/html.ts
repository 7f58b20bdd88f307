/** An inspection as one HTML file that loads nothing: the roofline plot and the tables, light or dark as the reader's system is. */
import { escapeHtml } from "./escape.ts";
import type { InspectedPass, Inspection } from "./inspection.ts";
import { rooflinePlot } from "./plot.ts";
import { COLUMNS, headline, passRows, passSummary, passTitle, roofLines } from "./report.ts";

const STYLE = `
:root {
  color-scheme: light dark;
  --ink: light-dark(#1d2421, #e7ece9);
  --soft: light-dark(#5d6964, #9aa8a2);
  --line: light-dark(#dde3e0, #2c3431);
  --paper: light-dark(#ffffff, #121614);
  --decode: light-dark(#1b7f58, #58d3a1);
  --prefill: light-dark(#9a5410, #f0b072);
  font: 15px/1.5 system-ui, sans-serif;
}
body { max-width: 1000px; margin: 0 auto; padding: 24px 20px; color: var(--ink); background: var(--paper); }
h1 { font-size: 1.25rem; }
h2 { margin-top: 2rem; font-size: 1.05rem; }
svg { width: 100%; height: auto; font: 12px system-ui, sans-serif; }
.grid { stroke: var(--line); fill: none; }
.tick, .axis, .roof-name { fill: var(--soft); }
.roof { stroke: var(--ink); stroke-width: 1.5; fill: none; }
.dot { fill-opacity: 0.35; stroke-width: 1.5; }
.dot.decode { fill: var(--decode); stroke: var(--decode); }
.dot.prefill { fill: var(--prefill); stroke: var(--prefill); }
.name { paint-order: stroke; stroke: var(--paper); stroke-width: 3px; }
.name.decode, b.decode { fill: var(--decode); color: var(--decode); }
.name.prefill, b.prefill { fill: var(--prefill); color: var(--prefill); }
pre { overflow-x: auto; font-size: 0.85rem; }
.table { overflow-x: auto; }
table { border-collapse: collapse; font-size: 0.85rem; font-variant-numeric: tabular-nums; }
th, td { padding: 3px 10px; text-align: right; white-space: nowrap; border-bottom: 1px solid var(--line); }
th:first-child, td:first-child { padding-left: 0; text-align: left; }
tbody tr:last-child { font-weight: 600; }
p { color: var(--soft); }
`;

/** `machine` says what it was measured on. */
export function htmlReport(inspection: Inspection, machine: string): string {
  const title = escapeHtml(headline(inspection, machine));
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>${title}</title>
<style>${STYLE}</style>
<h1>${title}</h1>
<p><b class="decode">● ${passTitle(inspection.decode)}</b> · <b class="prefill">■ ${passTitle(inspection.prefill)}</b> · area: share of its pass</p>
${rooflinePlot(inspection)}
<pre>${roofLines(inspection).join("\n")}</pre>
${passSection(inspection.decode)}
${passSection(inspection.prefill)}
</html>
`;
}

function passSection(pass: InspectedPass): string {
  const row = (cells: readonly string[], tag: "th" | "td") =>
    `<tr>${cells.map((cell) => `<${tag}>${escapeHtml(cell)}</${tag}>`).join("")}</tr>`;
  return `<h2>${passTitle(pass)}</h2>
<div class="table"><table>
<thead>${row(COLUMNS, "th")}</thead>
<tbody>
${passRows(pass)
  .map((cells) => row(cells, "td"))
  .join("\n")}
</tbody>
</table></div>
${passSummary(pass)
  .map((line) => `<p>${line}</p>`)
  .join("\n")}`;
}
