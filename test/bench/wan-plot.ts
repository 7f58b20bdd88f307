/**
 * Tokens per second and target passes per token against the round trip, a line per row: one SVG file that needs no
 * style sheet.
 */
import { acrossOf, type Frame, grid, linearAxis, upOf } from "../../src/tools/charts/axes.ts";
import { element, fix, label, picture } from "../../src/tools/charts/svg.ts";

interface Figures {
  readonly tps: number;
  readonly passes_per_token: number;
}

const FRAME: Frame = { width: 470, height: 320, left: 70, right: 14, top: 34, bottom: 50 };
const COLOURS = ["#7a8580", "#1b7f58", "#2f6fb5", "#b0641a", "#c2374a", "#9c4a9e"];
const STYLE = `
text { font: 12px system-ui, sans-serif; fill: #6b7772; }
.grid { stroke: #8a958f55; fill: none; }
.line { fill: none; stroke-width: 2; }
`;

/** @param table by round trip in ms, by row */
export function wanPlot(table: Readonly<Record<string, Readonly<Record<string, Figures>>>>): string {
  const panels = [
    panel(table, "tokens a second", ({ tps }) => tps),
    panel(table, "target passes a token", ({ passes_per_token }) => passes_per_token),
  ];
  const name = "Tokens a second and target passes a token against the round trip";
  const groups = panels.map((svg, n) => element("g", { transform: `translate(${n * FRAME.width} 0)` }, svg));
  const svg = picture(FRAME.width * panels.length, FRAME.height, name, [element("style", {}, STYLE), ...groups]);
  // An SVG file of its own needs the namespace.
  return `${svg.replace("<svg", '<svg xmlns="http://www.w3.org/2000/svg"')}\n`;
}

function panel(
  table: Readonly<Record<string, Readonly<Record<string, Figures>>>>,
  name: string,
  of: (figures: Figures) => number,
): string {
  const roundTrips = Object.keys(table).map(Number);
  const rows = Object.keys(Object.values(table)[0]!);
  const values = Object.values(table).flatMap((figures) => Object.values(figures).map(of));
  const x = linearAxis("round trip, ms", roundTrips, acrossOf(FRAME));
  const y = linearAxis(name, [0, ...values], upOf(FRAME));
  const lines = rows.map((row, n) => {
    const points = roundTrips.map((rtt) => `${fix(x.at(rtt))} ${fix(y.at(of(table[rtt]![row]!)))}`);
    return element("path", { class: "line", stroke: COLOURS[n], d: `M${points.join("L")}` });
  });
  const keys = rows.flatMap((row, n) => {
    const at = FRAME.left + n * 78;
    return [
      element("path", { class: "line", stroke: COLOURS[n], d: `M${at} 14h14` }),
      label(row, { x: at + 18, y: 18 }),
    ];
  });
  return [grid(FRAME, x, y), ...lines, ...keys].join("\n");
}
