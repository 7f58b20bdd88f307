/**
 * How much work patterns are: regular expressions run on a plain backtracking matcher that counts its steps, beside
 * the built-in ones, whose results it must repeat. So a pattern that goes back and forth shows by a number that is the
 * same on every machine. It knows what the page's patterns consist of, and throws on anything else.
 */
import { isDeepStrictEqual } from "node:util";

type Test = (unit: string) => boolean;

/** A part of a pattern. */
type Part =
  | { readonly kind: "unit" | "not-behind"; readonly test: Test }
  | { readonly kind: "start" | "end" }
  | { readonly kind: "one-of" | "all-of"; readonly parts: readonly Part[] }
  | { readonly kind: "group"; readonly index: number; readonly part: Part }
  | {
      readonly kind: "repeat";
      readonly part: Part;
      readonly least: number;
      readonly most: number;
      readonly lazy: boolean;
    };

type Step =
  | { readonly kind: "unit"; readonly test: Test }
  | { readonly kind: "not-behind"; readonly test: Test }
  | { readonly kind: "start" }
  | { readonly kind: "end" }
  | { readonly kind: "match" }
  | { readonly kind: "save"; readonly slot: number }
  | { readonly kind: "go"; to: number }
  /** Goes on at `first`, and at `second` where that leads nowhere. */
  | { readonly kind: "either"; first: number; second: number };

/** Runs `work`. Returns its steps: of patterns, and units that methods of texts search through. Throws beyond `most`. */
export function stepsOf(work: () => void, most = Number.POSITIVE_INFINITY): number {
  let steps = 0;
  const count = (more: number) => {
    steps += more;
    if (steps > most) throw new Error(`more than ${most} steps`);
  };
  const patched = [
    patch(
      RegExp.prototype,
      "exec",
      (exec) =>
        function (this: RegExp, text: string) {
          const from = this.global || this.sticky ? this.lastIndex : 0;
          const result = exec.call(this, text) as RegExpExecArray | null;
          const own = matched(this, text, from, count);
          const same = result && [result.index, ...result];
          if (!isDeepStrictEqual(own, same)) throw new Error(`${this} on ${JSON.stringify(text)}: ${own}, not ${same}`);
          return result;
        },
    ),
    patch(
      String.prototype,
      "indexOf",
      (search) =>
        function (this: string, ...given: [string, number?]) {
          const found = search.apply(this, given);
          count(1 + (found < 0 ? this.length : found) - (given[1] ?? 0));
          return found;
        },
    ),
    ...(["includes", "split", "replaceAll", "trim", "trimStart", "trimEnd"] as const).map((name) =>
      patch(
        String.prototype,
        name,
        (whole) =>
          function (this: string, ...given: []) {
            count(1 + this.length);
            return (whole as (...given: unknown[]) => unknown).apply(this, given);
          },
      ),
    ),
  ];
  try {
    work();
  } finally {
    for (const restore of patched) restore();
  }
  return steps;
}

function patch<T, K extends keyof T>(on: T, name: K, made: (before: T[K]) => unknown): () => void {
  const before = on[name];
  on[name] = made(before) as T[K];
  return () => {
    on[name] = before;
  };
}

const programs = new Map<string, readonly Step[]>();

/** As `exec` from a position: where it matches, the match and its groups. */
function matched({ source, flags, sticky }: RegExp, text: string, from: number, count: (more: number) => void) {
  const key = `${flags} ${source}`;
  const steps = programs.get(key) ?? stepsFor(new Parser(source, flags).pattern());
  programs.set(key, steps);
  const groups = steps.filter(({ kind }) => kind === "save").length / 2;
  for (let at = from; at <= text.length; at++) {
    const slots = runAt(steps, text, at, count);
    if (slots) {
      const parts = Array.from({ length: groups }, (_, n) => slots.slice(2 * n, 2 * n + 2));
      return [at, ...parts.map(([begin, end]) => (begin === undefined ? undefined : text.slice(begin, end)))];
    }
    if (sticky) break;
  }
  return null;
}

/** Where the parts of a match begin and end; undefined where there is none. */
function runAt(steps: readonly Step[], text: string, from: number, count: (more: number) => void) {
  const untried = [{ next: 0, at: from, slots: [] as (number | undefined)[] }];
  for (let path = untried.pop(); path; path = untried.pop()) {
    let { next, at, slots } = path;
    for (let alive = true; alive; ) {
      count(1);
      const step = steps[next++]!;
      if (step.kind === "match") return slots;
      if (step.kind === "unit") alive = at < text.length && step.test(text[at++]!);
      else if (step.kind === "not-behind") alive = at === 0 || !step.test(text[at - 1]!);
      else if (step.kind === "start") alive = at === 0;
      else if (step.kind === "end") alive = at === text.length;
      else if (step.kind === "go") next = step.to;
      else if (step.kind === "save") {
        slots = [...slots];
        slots[step.slot] = at;
      } else {
        untried.push({ next: step.second, at, slots });
        next = step.first;
      }
    }
  }
  return undefined;
}

function stepsFor(pattern: Part): readonly Step[] {
  const steps: Step[] = [];
  const add = <S extends Step>(step: S): S => {
    steps.push(step);
    return step;
  };
  const fork = () => add<Extract<Step, { kind: "either" }>>({ kind: "either", first: 0, second: 0 });
  const write = (part: Part): void => {
    switch (part.kind) {
      case "all-of":
        for (const each of part.parts) write(each);
        return;
      case "one-of": {
        const ends: { to: number }[] = [];
        for (const [n, each] of part.parts.entries()) {
          const isLast = n === part.parts.length - 1;
          const either = isLast ? undefined : Object.assign(fork(), { first: steps.length });
          write(each);
          if (!either) break;
          ends.push(add({ kind: "go", to: 0 }));
          either.second = steps.length;
        }
        for (const end of ends) end.to = steps.length;
        return;
      }
      case "group":
        add({ kind: "save", slot: 2 * part.index });
        write(part.part);
        add({ kind: "save", slot: 2 * part.index + 1 });
        return;
      case "repeat": {
        for (let n = 0; n < part.least; n++) write(part.part);
        const forks: ReturnType<typeof fork>[] = [];
        const again = () => {
          const either = fork();
          either.first = either.second = steps.length;
          forks.push(either);
        };
        if (part.most === Number.POSITIVE_INFINITY) {
          const begin = steps.length;
          again();
          write(part.part);
          add({ kind: "go", to: begin });
        } else
          for (let n = part.least; n < part.most; n++) {
            again();
            write(part.part);
          }
        for (const either of forks) either[part.lazy ? "first" : "second"] = steps.length;
        return;
      }
      default:
        add(part);
    }
  };
  write({ kind: "group", index: 0, part: pattern });
  add({ kind: "match" });
  return steps;
}

/** Reads the source of a pattern. */
class Parser {
  readonly #source: string;
  readonly #flags: string;
  #at = 0;
  #groups = 0;

  constructor(source: string, flags: string) {
    this.#source = source;
    this.#flags = [...flags].filter((flag) => flag !== "g" && flag !== "y").join("");
  }

  pattern(): Part {
    const pattern = this.#alternatives();
    if (this.#at < this.#source.length) throw this.#unknown();
    return pattern;
  }

  #alternatives(): Part {
    const parts = [this.#sequence()];
    while (this.#took("|")) parts.push(this.#sequence());
    return { kind: "one-of", parts };
  }

  #sequence(): Part {
    const parts: Part[] = [];
    while (this.#at < this.#source.length && ![")", "|"].includes(this.#source[this.#at]!))
      parts.push(this.#quantified());
    return { kind: "all-of", parts };
  }

  #quantified(): Part {
    const part = this.#atom();
    const quantifier = this.#take(/[*+?]|\{\d+(?:,\d*)?\}/y);
    if (quantifier === undefined) return part;
    const [least, most = least] =
      quantifier[0] === "{"
        ? quantifier.slice(1, -1).split(",")
        : { "*": ["0", ""], "+": ["1", ""], "?": ["0", "1"] }[quantifier]!;
    const lazy = this.#took("?");
    return {
      kind: "repeat",
      part,
      least: Number(least),
      most: most === "" ? Number.POSITIVE_INFINITY : Number(most),
      lazy,
    };
  }

  #atom(): Part {
    if (this.#took("^")) return { kind: "start" };
    if (this.#took("$")) return { kind: "end" };
    if (this.#took("(?:")) return this.#closed(this.#alternatives());
    if (this.#took("(?<!")) {
      const { test } = this.#unit();
      return this.#closed({ kind: "not-behind", test });
    }
    const isNamedOrLooking = this.#source.startsWith("(?", this.#at);
    if (!isNamedOrLooking && this.#took("(")) {
      const index = ++this.#groups;
      return this.#closed({ kind: "group", index, part: this.#alternatives() });
    }
    return this.#unit();
  }

  /** What matches one unit is left to the built-in matcher: it cannot go back and forth. */
  #unit(): { kind: "unit"; test: Test } {
    const source = this.#take(/\[(?:\\.|[^\]])*\]|\\p\{\w+\}|\\[^bBkp\d]|[^\\()[\]{}*+?|]/y);
    if (source === undefined) throw this.#unknown();
    const pattern = new RegExp(`^${source}$`, this.#flags);
    const known = new Map<string, boolean>();
    const test = (unit: string) => {
      const is = known.get(unit) ?? native(pattern, unit);
      known.set(unit, is);
      return is;
    };
    return { kind: "unit", test };
  }

  #closed(part: Part): Part {
    if (!this.#took(")")) throw this.#unknown();
    return part;
  }

  #took(mark: string): boolean {
    const is = this.#source.startsWith(mark, this.#at);
    if (is) this.#at += mark.length;
    return is;
  }

  #take(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.#at;
    const [found] = (builtIn.call(pattern, this.#source) as RegExpExecArray | null) ?? [];
    this.#at += found?.length ?? 0;
    return found;
  }

  #unknown(): Error {
    return new Error(`/${this.#source}/, at ${this.#at}: the counting matcher does not know this`);
  }
}

const builtIn = RegExp.prototype.exec;
const native = (pattern: RegExp, text: string): boolean => builtIn.call(pattern, text) !== null;
