/** The help of a command, written from its definition: examples first. */
import { styleText } from "node:util";
import type { Option, Positional } from "./options.ts";

const COLUMNS = 100;
const INDENT = "  ";

export interface Described {
  readonly positionals: Readonly<Record<string, Positional<unknown>>>;
  readonly options: Readonly<Record<string, Option<unknown>>>;
  /** A command line as one would type it, and what it does. The first is the one to try first. */
  readonly examples: readonly (readonly [line: string, about: string])[];
  /** What else there is to know, in paragraphs. */
  readonly notes?: string;
}

/** @param name as it is typed, such as "outrider start" */
export function helpOf(name: string, summary: string, described: Described): string {
  const { examples, notes } = described;
  const positionals = Object.values(described.positionals);
  const options = Object.entries(described.options);
  const words = positionals.map(({ label, repeats }) => (repeats ? `${label}...` : label));
  const required = options
    .filter(([, { extra }]) => extra.required)
    .map(([key, { value }]) => `${flagOf(key)} ${value}`);
  const rows: Row[] = [
    ...positionals.map(({ label, about }): Row => [label, about]),
    ...options.map(([key, each]): Row => [[flagOf(key), each.value].filter(Boolean).join(" "), aboutOf(each)]),
    ["-h, --help", "prints this"],
  ];
  return [
    summary,
    "",
    heading("Examples"),
    ...examples.flatMap(([line, about]) => [`${INDENT}${line}`, ...wrapped(about, `${INDENT}${INDENT}`)]),
    "",
    heading("Usage"),
    `${INDENT}${[name, ...words, ...required, "[options]"].join(" ")}`,
    "",
    ...table(rows),
    ...(notes?.split("\n\n") ?? []).flatMap((paragraph) => ["", ...wrapped(paragraph, "")]),
  ].join("\n");
}

function aboutOf({ about, extra }: Option<unknown>): string {
  const facts = [
    extra.default === undefined ? undefined : `default: ${extra.default}`,
    extra.env === undefined ? undefined : `or ${extra.env} in the environment`,
  ].filter(Boolean);
  return facts.length === 0 ? about : `${about} (${facts.join("; ")})`;
}

type Row = readonly [head: string, about: string];

/** Two columns; a head that is too wide has a line of its own. */
export function table(rows: readonly Row[]): string[] {
  const width = Math.min(24, Math.max(...rows.map(([head]) => head.length))) + 2;
  return rows.flatMap(([head, about]) => {
    const lines = wrapped(about, INDENT + " ".repeat(width));
    if (head.length + 2 > width) return [`${INDENT}${head}`, ...lines];
    return [`${INDENT}${head.padEnd(width)}${(lines[0] ?? "").trimStart()}`, ...lines.slice(1)];
  });
}

function wrapped(about: string, indent: string): string[] {
  const lines: string[] = [];
  for (const word of about.split(/\s+/).filter(Boolean)) {
    const last = lines.at(-1);
    if (last !== undefined && last.length + 1 + word.length <= COLUMNS) lines[lines.length - 1] = `${last} ${word}`;
    else lines.push(`${indent}${word}`);
  }
  return lines;
}

/** Bold on a terminal that wants colours. */
export const heading = (title: string): string =>
  process.stdout.isTTY && !process.env.NO_COLOR ? styleText("bold", title) : title;

/** kvTokens is --kv-tokens on the command line. */
export const flagOf = (key: string): string => `--${key.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
