/** SVG as text. */
import { escapeHtml } from "./html.ts";

type Attributes = Readonly<Record<string, string | number | undefined>>;

/** Coordinates with a tenth of a unit. */
export const fix = (value: number): string => value.toFixed(1);

/** An element. Numbers get a tenth of a unit, attributes that are undefined are left out; `content` is SVG. */
export function element(name: string, attributes: Attributes, content = ""): string {
  const written = Object.entries(attributes).flatMap(([key, value]) =>
    value === undefined ? [] : [` ${key}="${escapeHtml(typeof value === "number" ? fix(value) : value)}"`],
  );
  return content === "" ? `<${name}${written.join("")}/>` : `<${name}${written.join("")}>${content}</${name}>`;
}

/** A line of text; `x` is where its `text-anchor` lies. */
export const label = (text: string, attributes: Attributes): string => element("text", attributes, escapeHtml(text));

/** What a reader sees who points at an element. */
export const tooltip = (text: string): string => element("title", {}, escapeHtml(text));

/** A whole picture of these lines, as wide as its page lets it. */
export const picture = (width: number, height: number, name: string, lines: readonly string[]): string =>
  element(
    "svg",
    { viewBox: `0 0 ${Math.round(width)} ${Math.round(height)}`, role: "img", "aria-label": name },
    `\n${lines.filter((line) => line !== "").join("\n")}\n`,
  );
