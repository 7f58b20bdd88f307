/**
 * Figures stand once, in test/bench/figures.json. RESULTS shows all of them as a table. A page quotes one as
 * `2.92<!--=spec-bench.1-->`: the first number of the figure whose id is `spec-bench`.
 */
import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { markdownFiles } from "./markdown-files.ts";

const ROOT = resolve(import.meta.dirname, "..");
const RESULTS = "test/bench/RESULTS.md";

export interface Figure {
  /** What pages quote the figure by; a figure that no page quotes has none. */
  readonly id?: string;
  /** What was measured, readable alone. */
  readonly what: string;
  /** One number or several, in the order in which `what` names them. */
  readonly figure: string;
  /** Letters of the machines that RESULTS describes. */
  readonly machine: string;
  /** Month and day. */
  readonly date: string;
  readonly command: string;
}

export const figures: readonly Figure[] = JSON.parse(readFileSync(resolve(ROOT, "test/bench/figures.json"), "utf8"));

/** All that follows from figures.json: path → content. Throws where a page quotes a figure that is not there. */
export function figureFiles(): Record<string, string> {
  const pages = markdownFiles(ROOT).map((file) => [file, readFileSync(resolve(ROOT, file), "utf8")] as const);
  return Object.fromEntries(
    pages
      .map(([file, text]) => [file, quoted(file === RESULTS ? withTable(text) : text, file)] as const)
      .filter(([file, text]) => file === RESULTS || text.includes("<!--=")),
  );
}

function withTable(text: string): string {
  const rows = figures.map(
    (row) => `| ${row.what} | ${row.figure} | ${row.machine} | ${row.date} | \`${row.command}\` |`,
  );
  const table = ["| what | figure | machine | date | command |", "|---|---|---|---|---|", ...rows].join("\n");
  return text.replace(/(?<=<!-- figures -->\n).*?(?=\n<!-- \/figures -->)/s, () => table);
}

function quoted(text: string, file: string): string {
  return text.replaceAll(/[\d.,]+<!--=([\w-]+)\.(\d+)-->/g, (mark, id: string, nth: string) => {
    const numbers = figures.find((row) => row.id === id)?.figure.match(/\d[\d,]*(?:\.\d+)?/g);
    const number = numbers?.[Number(nth) - 1];
    if (number === undefined) throw new Error(`${file} quotes ${mark}, which test/bench/figures.json does not have`);
    return `${number}<!--=${id}.${nth}-->`;
  });
}
