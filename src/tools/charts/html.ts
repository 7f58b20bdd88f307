/** One HTML file that loads nothing, light or dark as the reader's system is. */

const STYLE = `
:root {
  color-scheme: light dark;
  --ink: light-dark(#1d2421, #e7ece9);
  --soft: light-dark(#5d6964, #9aa8a2);
  --line: light-dark(#dde3e0, #2c3431);
  --paper: light-dark(#ffffff, #121614);
  --green: light-dark(#1b7f58, #58d3a1);
  --amber: light-dark(#9a5410, #f0b072);
  font: 15px/1.5 system-ui, sans-serif;
}
body { max-width: 1000px; margin: 0 auto; padding: 24px 20px; color: var(--ink); background: var(--paper); }
h1 { font-size: 1.25rem; }
h2 { margin-top: 2rem; font-size: 1.05rem; }
svg { width: 100%; height: auto; font: 12px system-ui, sans-serif; }
.grid { stroke: var(--line); fill: none; }
.tick, .axis { fill: var(--soft); }
.name { paint-order: stroke; stroke: var(--paper); stroke-width: 3px; }
pre { overflow-x: auto; font-size: 0.85rem; }
.table { overflow-x: auto; }
table { border-collapse: collapse; font-size: 0.85rem; font-variant-numeric: tabular-nums; }
th, td { padding: 3px 10px; text-align: right; white-space: nowrap; border-bottom: 1px solid var(--line); }
th:first-child, td:first-child { padding-left: 0; text-align: left; }
p { color: var(--soft); }
`;

const ENTITIES: Record<string, string> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" };

/** Text as HTML and SVG show it, in elements and quoted attributes. */
export const escapeHtml = (text: string): string => text.replace(/[&<>"]/g, (character) => ENTITIES[character]!);

/** `title` is text; `style` what the body needs on top; `body` HTML. */
export function htmlPage(title: string, style: string, body: string): string {
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>${escapeHtml(title)}</title>
<style>${STYLE}${style}</style>
<h1>${escapeHtml(title)}</h1>
${body}
</html>
`;
}

/** Cells are text. */
export function htmlTable(heads: readonly string[], rows: readonly (readonly string[])[]): string {
  const row = (cells: readonly string[], tag: "th" | "td") =>
    `<tr>${cells.map((cell) => `<${tag}>${escapeHtml(cell)}</${tag}>`).join("")}</tr>`;
  return `<div class="table"><table>
<thead>${row(heads, "th")}</thead>
<tbody>
${rows.map((cells) => row(cells, "td")).join("\n")}
</tbody>
</table></div>`;
}
