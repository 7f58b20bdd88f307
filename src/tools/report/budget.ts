/** Where the bytes of packs lie, as stacked bars in one SVG. */
import { acrossOf, type Frame, linearAxis, xGrid } from "../charts/axes.ts";
import { element, label, picture, tooltip } from "../charts/svg.ts";
import { KINDS, type Kind } from "./contents.ts";

const ROW = 26;
const KEY = 28;

interface Budget {
  readonly name: string;
  readonly bytes: Readonly<Record<Kind, number>>;
}

export function budgetPlot(budgets: readonly Budget[]): string {
  const longest = Math.max(...budgets.map(({ name }) => name.length));
  const left = Math.min(320, 16 + 6.8 * longest);
  const height = KEY + budgets.length * ROW + 52;
  const frame: Frame = { width: 960, height, left, right: 24, top: KEY, bottom: 52 };
  const totals = budgets.map(({ bytes }) => KINDS.reduce((sum, kind) => sum + bytes[kind], 0) / 1e6);
  const x = linearAxis("MB", [0, ...totals], acrossOf(frame));
  const rows = budgets.flatMap(({ name, bytes }, row) => {
    const y = KEY + row * ROW;
    let before = 0;
    const parts = KINDS.map((kind) => {
      const start = x.at(before / 1e6);
      before += bytes[kind];
      const box = { x: start, y: y + 4, width: x.at(before / 1e6) - start, height: ROW - 8 };
      const title = `${name}, ${kind}: ${(bytes[kind] / 1e6).toFixed(2)} MB`;
      return element("rect", { class: `kind ${kind}`, ...box }, tooltip(title));
    });
    return [label(name, { class: "axis", x: left - 8, y: y + 17, "text-anchor": "end" }), ...parts];
  });
  const key = KINDS.flatMap((kind, n) => {
    const at = left + 110 * n;
    return [
      element("rect", { class: `kind ${kind}`, x: at, y: 4, width: 12, height: 12 }),
      label(kind, { class: "axis", x: at + 18, y: 14 }),
    ];
  });
  return picture(frame.width, height, "Bytes by kind of tensor", [...key, ...xGrid(frame, x), ...rows]);
}
