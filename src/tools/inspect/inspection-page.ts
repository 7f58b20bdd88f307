/** An inspection as one HTML file that loads nothing: the roofline plot and the tables. */
import { htmlPage, htmlTable } from "../charts/html.ts";
import type { InspectedPass, Inspection } from "./inspection.ts";
import { COLUMNS, headline, passRows, passSummary, passTitle, roofLines } from "./inspection-text.ts";
import { rooflinePlot } from "./roofline-plot.ts";

const STYLE = `
.roof-name { fill: var(--soft); }
.roof { stroke: var(--ink); stroke-width: 1.5; fill: none; }
.dot { fill-opacity: 0.35; stroke-width: 1.5; }
.dot.decode { fill: var(--green); stroke: var(--green); }
.dot.prefill { fill: var(--amber); stroke: var(--amber); }
.name.decode, b.decode { fill: var(--green); color: var(--green); }
.name.prefill, b.prefill { fill: var(--amber); color: var(--amber); }
tbody tr:last-child { font-weight: 600; }
`;

/** The page. `machine` describes the machine that was measured. */
export function inspectionPage(inspection: Inspection, machine: string): string {
  return htmlPage(
    headline(inspection, machine),
    STYLE,
    `<p>
<b class="decode">● ${passTitle(inspection.decode)}</b> · <b class="prefill">■ ${passTitle(inspection.prefill)}</b>
· area: share of its pass
</p>
${rooflinePlot(inspection)}
<pre>${roofLines(inspection).join("\n")}</pre>
${passSection(inspection.decode)}
${passSection(inspection.prefill)}`,
  );
}

const passSection = (pass: InspectedPass): string => `<h2>${passTitle(pass)}</h2>
${htmlTable(COLUMNS, passRows(pass))}
${passSummary(pass)
  .map((line) => `<p>${line}</p>`)
  .join("\n")}`;
