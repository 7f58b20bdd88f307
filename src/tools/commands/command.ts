/**
 * What a command of `outrider` is: data that the help is written from, and a function. Built on Node's tokenizer of
 * arguments, because no small library has typed ranges, suggestions, help with the examples first and one exit code for
 * usage errors together.
 */
import { parseArgs } from "node:util";
import { suggestion } from "./closest.ts";
import { type Described, flagOf, helpOf } from "./help.ts";
import { type Option, type Positional, usage } from "./options.ts";

type ValueOf<R> = R extends Option<infer T> | Positional<infer T> ? T : never;
type Values<R> = { readonly [K in keyof R]: ValueOf<R[K]> };

interface Definition<P, O> extends Pick<Described, "examples" | "notes"> {
  readonly positionals?: P;
  readonly options?: O;
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

export function command<P extends Described["positionals"], O extends Described["options"]>(
  definition: Definition<P, O>,
): Command {
  const positionals = definition.positionals ?? ({} as P);
  const options = definition.options ?? ({} as O);
  return {
    help: (name, summary) => helpOf(name, summary, { ...definition, positionals, options }),
    run: async (argv) => definition.run(parse(argv, positionals, options) as Values<P> & Values<O>),
  };
}

/** Values by name. Throws `bad_option` with one sentence about the first thing that is wrong. */
function parse(argv: readonly string[], positionals: Described["positionals"], options: Described["options"]) {
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
  const given = new Map<string, string[]>();
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
    given.set(key, [...(given.get(key) ?? []), value ?? ""]);
  }
  const values: Record<string, unknown> = {};
  const missing: string[] = [];
  for (const [key, positional] of Object.entries(positionals)) {
    const own = words.splice(0, positional.repeats ? words.length : 1);
    if (own.length === 0) missing.push(positional.label);
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
