/** Where the bytes of packs lie, as stacked bars in one SVG. */
import { acrossOf, type Frame, fix, grid, linearAxis } from "../charts/axes.ts";
import { escapeHtml } from "../charts/html.ts";
import { KINDS, type Kind } from "./contents.ts";

const ROW = 26;
const KEY = 28;

export interface Budget {
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
  const rows = budgets.map(({ name, bytes }, row) => {
    const y = KEY + row * ROW;
    let before = 0;
    const parts = KINDS.map((kind) => {
      const [start, end] = [x.at(before / 1e6), x.at((before += bytes[kind]) / 1e6)];
      const title = `${name}, ${kind}: ${(bytes[kind] / 1e6).toFixed(2)} MB`;
      return `<rect class="kind ${kind}" x="${fix(start)}" y="${y + 4}" width="${fix(end - start)}" height="${ROW - 8}"><title>${escapeHtml(title)}</title></rect>`;
    });
    return `<text class="axis" x="${fix(left - 8)}" y="${y + 17}" text-anchor="end">${escapeHtml(name)}</text>${parts.join("")}`;
  });
  const key = KINDS.map((kind, n) => {
    const at = left + 110 * n;
    return `<rect class="kind ${kind}" x="${fix(at)}" y="4" width="12" height="12"/><text class="axis" x="${fix(at + 18)}" y="14">${kind}</text>`;
  });
  return `<svg viewBox="0 0 ${frame.width} ${height}" role="img" aria-label="Bytes by kind of tensor">
${key.join("")}
${grid(frame, x, { name: "", at: () => 0, ticks: [] })}
${rows.join("\n")}
</svg>`;
}
