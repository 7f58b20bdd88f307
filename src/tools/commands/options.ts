/**
 * The words of a command line, as data: what the help says of each, and how its text becomes a value whose type reaches
 * the command by inference.
 */
import { OutriderError } from "../../core/model/errors.ts";
import { suggestion } from "./closest.ts";

/** An option: `--name VALUE`, or a flag where `value` is absent. */
export interface Option<T> {
  readonly value?: string;
  readonly about: string;
  readonly extra: Extra;
  /** Turns the given texts, or undefined where nothing was given, into the value. Throws `bad_option`. */
  read(given: readonly string[] | undefined, name: string): T;
}

/** A word of the command line that belongs to no option. */
export interface Positional<T> {
  readonly label: string;
  readonly about: string;
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
      // The last one counts, as it does in other programs.
      const text = given?.at(-1) ?? (extra?.env && process.env[extra.env]) ?? extra?.default;
      return (text === undefined ? undefined : read(`${text}`, name)) as Present<T, E>;
    },
  };
}

/** Any text: a path, a URL, a name. */
export const text = <const E extends Extra = Record<never, never>>(value: string, about: string, extra?: E) =>
  option(value, about, (given) => given, extra);

/** Texts, one each time that the option is given. */
export const texts = (value: string, about: string): Option<readonly string[]> => ({
  value,
  about,
  extra: {},
  read: (given) => given ?? [],
});

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

/** A number from `from` to `to`, with a point and an exponent or without. */
export function decimal<const E extends Extra & { readonly from: number; readonly to: number }>(
  value: string,
  about: string,
  extra: E,
) {
  const { from, to } = extra as { from: number; to: number };
  const read = (given: string, name: string) => {
    const number = /^\d*\.?\d+(e-?\d+)?$/i.test(given) ? Number(given) : Number.NaN;
    if (number >= from && number <= to) return number;
    throw usage(`${name} is a number from ${from} to ${to}, not "${given}"`);
  };
  return option(value, about, read, extra);
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
  repeats: false,
  read: ([given]) => given!,
});

/** One or more. */
export const many = (label: string, about: string): Positional<readonly string[]> => ({
  label,
  about,
  repeats: true,
  read: (given) => given,
});
