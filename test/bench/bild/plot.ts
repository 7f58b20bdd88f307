/** BiLD's frontier: what is lost against target passes per token, a line per fallback. One SVG file. */
import { acrossOf, type Frame, grid, linearAxis, upOf } from "../../../src/tools/charts/axes.ts";
import { element, fix, label, picture, tooltip } from "../../../src/tools/charts/svg.ts";
import type { Row } from "./row.ts";

const FRAME: Frame = { width: 400, height: 320, left: 70, right: 14, top: 34, bottom: 50 };
const COLOURS = ["#1b7f58", "#2f6fb5", "#b0641a", "#c2374a", "#9c4a9e"];
const STYLE = `
text { font: 12px system-ui, sans-serif; fill: #6b7772; }
.grid { stroke: #8a958f55; fill: none; }
.line { fill: none; stroke-width: 2; }
`;

export function bildPlot(rows: readonly Row[]): string {
  const panels = [
    panel(rows, "tokens changed, %", ({ changed }) => 100 * changed),
    panel(rows, "ln p lost per token, nats", ({ lost_nats }) => lost_nats),
    panel(rows, "sums right, %", ({ right }) => 100 * right),
  ];
  const name = "What BiLD's rule loses against the target passes that it takes per token";
  const groups = panels.map((svg, n) => element("g", { transform: `translate(${n * FRAME.width} 0)` }, svg));
  const svg = picture(FRAME.width * panels.length, FRAME.height, name, [element("style", {}, STYLE), ...groups]);
  // An SVG file of its own needs the namespace.
  return `${svg.replace("<svg", '<svg xmlns="http://www.w3.org/2000/svg"')}\n`;
}

function panel(rows: readonly Row[], name: string, of: (row: Row) => number): string {
  const x = linearAxis(
    "target passes per token",
    rows.map(({ passes_per_token }) => passes_per_token),
    acrossOf(FRAME),
  );
  const y = linearAxis(name, rows.map(of), upOf(FRAME));
  const fallbacks = [...new Set(rows.map(({ fallback }) => fallback))];
  const lines = fallbacks.flatMap((fallback, n) => {
    const own = rows.filter((row) => row.fallback === fallback);
    const at = (row: Row) => ({ x: x.at(row.passes_per_token), y: y.at(of(row)) });
    const points = own.map((row) => `${fix(at(row).x)} ${fix(at(row).y)}`);
    return [
      element("path", { class: "line", stroke: COLOURS[n], d: `M${points.join("L")}` }),
      ...own.map((row) => {
        const circle = { cx: at(row).x, cy: at(row).y, r: 3.5, fill: COLOURS[n] };
        return element("circle", circle, tooltip(`fallback ${row.fallback}, rollback ${row.rollback ?? "exact"}`));
      }),
    ];
  });
  const keys = fallbacks.flatMap((fallback, n) => {
    const at = FRAME.left + 56 + n * 60;
    return [
      element("path", { class: "line", stroke: COLOURS[n], d: `M${at} 14h14` }),
      label(String(fallback), { x: at + 18, y: 18 }),
    ];
  });
  return [grid(FRAME, x, y), ...lines, label("fallback", { x: FRAME.left, y: 18 }), ...keys].join("\n");
}
