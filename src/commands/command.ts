/**
 * What a command of `outrider` is: data that the help is written from, and a function. Types of options reach the
 * function by inference. Built on Node's tokenizer of arguments, because no small library has typed ranges,
 * suggestions, help with the examples first and one exit code for usage errors together.
 */
import { parseArgs, styleText } from "node:util";
import { OutriderError } from "../model/errors.ts";
import { closest } from "./closest.ts";

/** An option: `--name VALUE`, or a flag where `value` is absent. */
export interface Option<T> {
  readonly value?: string;
  readonly about: string;
  readonly extra: Extra;
  /** Turns the given text, or undefined where nothing was given, into the value. Throws `bad_option`. */
  read(given: string | undefined, name: string): T;
}

/** A word of the command line that belongs to no option. */
export interface Positional<T> {
  readonly label: string;
  readonly about: string;
  readonly needed: boolean;
  readonly repeats: boolean;
  read(given: readonly string[]): T;
}

interface Extra {
  /** As it would be typed. */
  readonly default?: string | number;
  readonly required?: true;
  /** An environment variable that stands in where the option is absent. */
  readonly env?: string;
}

type Present<T, E> = E extends { default: string | number } | { required: true } ? T : T | undefined;
type ValueOf<R> = R extends Option<infer T> | Positional<infer T> ? T : never;
type Values<R> = { readonly [K in keyof R]: ValueOf<R[K]> };
type Shape<T> = Readonly<Record<string, T>>;

interface Definition<P, O> {
  /** A command line as one would type it, and what it does. The first is the one to try first. */
  readonly examples: readonly (readonly [line: string, about: string])[];
  readonly positionals?: P;
  readonly options?: O;
  /** What else there is to know, in paragraphs. */
  readonly notes?: string;
  run(values: Values<P> & Values<O>): Promise<void>;
}

export interface Command {
  help(name: string, summary: string): string;
  /**
   * Parses the arguments and runs. Throws `bad_option` for arguments that are not understood, and what the command
   * throws.
   */
  run(argv: readonly string[]): Promise<void>;
}

/** A mistake in how a command was called: exit status 2. */
export const usage = (message: string): OutriderError => new OutriderError("bad_option", message);

/** An option with a value that `read` understands. */
export function option<T, const E extends Extra = Record<never, never>>(
  value: string,
  about: string,
  read: (given: string, name: string) => T,
  extra?: E,
): Option<Present<T, E>> {
  return {
    value,
    about,
    extra: extra ?? {},
    read: (given, name) => {
      const text = given ?? (extra?.env && process.env[extra.env]) ?? extra?.default;
      return (text === undefined ? undefined : read(`${text}`, name)) as Present<T, E>;
    },
  };
}

/** Any text: a path, a URL, a name. */
export const text = <const E extends Extra = Record<never, never>>(value: string, about: string, extra?: E) =>
  option(value, about, (given) => given, extra);

/** A whole number from `from` to `to`. */
export function whole<const E extends Extra & { readonly from: number; readonly to?: number }>(
  about: string,
  extra: E,
) {
  const { from, to } = extra as { from: number; to?: number };
  return option("N", about, (given, name) => wholeNumber(given, name, from, to), extra);
}

/** Throws `bad_option` with the limits. */
export function wholeNumber(given: string | number, name: string, from: number, to?: number): number {
  const value = /^\d+$/.test(`${given}`) ? Number(given) : Number.NaN;
  if (value >= from && value <= (to ?? Number.MAX_SAFE_INTEGER)) return value;
  throw usage(`${name} is a whole number from ${from} ${to === undefined ? "on" : `to ${to}`}, not "${given}"`);
}

/** FIRST..LAST, both included. */
export const span = <const E extends Extra = Record<never, never>>(about: string, extra?: E) =>
  option("FIRST..LAST", about, readSpan, extra);

function readSpan(given: string, name: string): { text: string; first: number; count: number } {
  const match = /^(\d+)\.\.(\d+)$/.exec(given);
  const first = Number(match?.[1]);
  const last = Number(match?.[2]);
  if (first <= last) return { text: given, first, count: last - first + 1 };
  throw usage(`${name} is FIRST..LAST, such as 300..363, not "${given}"`);
}

/** One of a few words. */
export const choice = <const C extends string, const E extends Extra = Record<never, never>>(
  words: readonly C[],
  about: string,
  extra?: E,
) =>
  option(
    words.join("|"),
    about,
    (given, name): C => {
      const found = words.find((word) => word === given);
      if (found !== undefined) return found;
      throw usage(`${name} is one of ${words.join(", ")}, not "${given}"${suggestion(given, words)}`);
    },
    extra,
  );

export const flag = (about: string): Option<boolean> => ({
  about,
  extra: {},
  read: (given) => given !== undefined,
});

export const one = (label: string, about: string): Positional<string> => ({
  label,
  about,
  needed: true,
  repeats: false,
  read: ([given]) => given!,
});

export const optional = (label: string, about: string): Positional<string | undefined> => ({
  label,
  about,
  needed: false,
  repeats: false,
  read: ([given]) => given,
});

/** One or more. */
export const many = (label: string, about: string): Positional<readonly string[]> => ({
  label,
  about,
  needed: true,
  repeats: true,
  read: (given) => given,
});

export function command<P extends Shape<Positional<unknown>>, O extends Shape<Option<unknown>>>(
  definition: Definition<P, O>,
): Command {
  const positionals = definition.positionals ?? ({} as P);
  const options = definition.options ?? ({} as O);
  return {
    help: (name, summary) => helpOf(name, summary, positionals, options, definition),
    run: async (argv) => definition.run(parse(argv, positionals, options) as Values<P> & Values<O>),
  };
}

function parse(argv: readonly string[], positionals: Shape<Positional<unknown>>, options: Shape<Option<unknown>>) {
  const byFlag = new Map(Object.keys(options).map((key) => [flagOf(key), key]));
  const config = [...byFlag].map(([name, key]) => [
    name.slice(2),
    { type: options[key]!.value === undefined ? ("boolean" as const) : ("string" as const) },
  ]);
  // Not strict: the sentences of Node's own errors are longer than one line and suggest nothing.
  const { tokens } = parseArgs({
    args: [...argv],
    options: Object.fromEntries(config),
    allowPositionals: true,
    strict: false,
    tokens: true,
  });
  const given = new Map<string, string>();
  const words: string[] = [];
  for (const token of tokens) {
    if (token.kind === "positional") words.push(token.value);
    if (token.kind !== "option") continue;
    const { rawName, value, inlineValue } = token;
    const key = byFlag.get(rawName);
    if (key === undefined) throw usage(`unknown option ${rawName}${suggestion(rawName, [...byFlag.keys(), "--help"])}`);
    const wanted = options[key]!.value;
    if (wanted === undefined && value !== undefined) throw usage(`${rawName} takes no value`);
    const lacks = value === undefined || value === "" || (!inlineValue && /^-./.test(value));
    if (wanted !== undefined && lacks) throw usage(`${rawName} needs a value: ${rawName} ${wanted}`);
    given.set(key, value ?? "");
  }
  const values: Record<string, unknown> = {};
  const missing: string[] = [];
  for (const [key, positional] of Object.entries(positionals)) {
    const own = words.splice(0, positional.repeats ? words.length : 1);
    if (positional.needed && own.length === 0) missing.push(positional.label);
    else values[key] = positional.read(own);
  }
  if (words.length > 0) throw usage(`unexpected "${words[0]}"`);
  for (const [key, { extra }] of Object.entries(options)) {
    if (extra.required && !given.has(key)) missing.push(flagOf(key));
  }
  if (missing.length > 0) throw usage(missingOf(missing));
  for (const [key, each] of Object.entries(options)) values[key] = each.read(given.get(key), flagOf(key));
  return values;
}

const missingOf = (names: readonly string[]): string =>
  names.length === 1 ? `${names[0]} is missing` : `${names.slice(0, -1).join(", ")} and ${names.at(-1)} are missing`;

/** kvTokens is --kv-tokens on the command line. */
const flagOf = (key: string): string => `--${key.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;

/** ` (did you mean --self?)`, or nothing where no word is near. */
export function suggestion(given: string, words: readonly string[]): string {
  const found = closest(given, words);
  return found === undefined ? "" : ` (did you mean ${found}?)`;
}

const COLUMNS = 100;
const INDENT = "  ";

function helpOf(
  name: string,
  summary: string,
  positionals: Shape<Positional<unknown>>,
  options: Shape<Option<unknown>>,
  { examples, notes }: Pick<Definition<unknown, unknown>, "examples" | "notes">,
): string {
  const words = Object.values(positionals).map(({ label, needed, repeats }) => {
    const shown = repeats ? `${label}...` : label;
    return needed ? shown : `[${shown}]`;
  });
  const required = Object.entries(options).flatMap(([key, { value, extra }]) =>
    extra.required ? [`${flagOf(key)} ${value}`] : [],
  );
  const rows = [
    ...Object.values(positionals).map(({ label, about }): Row => [label, about]),
    ...Object.entries(options).map(
      ([key, each]): Row => [[flagOf(key), each.value].filter(Boolean).join(" "), aboutOf(each)],
    ),
    ["-h, --help", "prints this"] as const,
  ];
  return [
    summary,
    "",
    heading("Examples"),
    ...examples.flatMap(([line, about]) => [`${INDENT}${line}`, ...wrapped(about, `${INDENT}${INDENT}`)]),
    "",
    heading("Usage"),
    `${INDENT}${["outrider", name, ...words, ...required, "[options]"].join(" ")}`,
    "",
    ...table(rows),
    ...(notes === undefined
      ? []
      : ["", ...notes.split("\n\n").flatMap((each, n) => [...(n ? [""] : []), ...wrapped(each, "")])]),
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
