/**
 * Reads calls that are JSON objects with a name and arguments, between whatever a family puts around them. An object
 * with the name of a tool that was given is a call; everything else stays text.
 */
import { meets } from "../grammar/check.ts";
import type { Schema } from "../grammar/schema/keywords.ts";
import { argumentsSchema } from "./arguments.ts";
import type { AnswerDelta, CallReader, Tool } from "./family.ts";
import { JsonScanner } from "./json-scanner.ts";

/** What calls stand between. */
interface Bracket {
  readonly open: string;
  readonly close: string;
  /** What stands between two calls of one bracket; unless given, it holds one. */
  readonly between?: string;
  /** The opening is a part of the object itself. */
  readonly holds?: boolean;
}

export interface Syntax {
  /** Wherever in an answer they begin; longer ones first where one begins with another. */
  readonly brackets: readonly Bracket[];
  /** Counts at the beginning of an answer only. */
  readonly first: Bracket | null;
  /** Names under which an object has its arguments. The first is the family's own. */
  readonly keys: readonly string[];
}

/** Space as JSON has it. */
const SPACE = " \t\r\n";

export class JsonCallReader implements CallReader {
  readonly #syntax: Syntax;
  readonly #tools: ReadonlyMap<string, Tool>;
  /** What has arrived and is not told. */
  #held = "";
  /** Space in front of it that is told only if text follows. */
  #space = "";
  /** Whether a call or text has been told. */
  #begun = false;
  /** What the held text begins with, while it may be a call. */
  #within: Bracket | null = null;
  /** The arguments that are being read. */
  #arguments: JsonScanner | null = null;
  /** The bracket of a call that has been read, until it is closed, and the object's own braces where these are open. */
  #behind: { readonly bracket: Bracket; readonly braces: string | null } | null = null;
  /** Calls that have been told, and those of them that are complete. */
  #count = 0;
  #ended = 0;

  constructor(syntax: Syntax, tools: readonly Tool[]) {
    this.#syntax = syntax;
    this.#tools = new Map(tools.map((tool) => [tool.name, tool]));
  }

  get ended(): number {
    return this.#ended;
  }

  push(text: string): AnswerDelta[] {
    this.#held += text;
    return this.#read(false);
  }

  end(): AnswerDelta[] {
    const told = this.#read(true);
    // Space around calls is theirs.
    if (this.#count === 0 && !this.#arguments && this.#space !== "") told.push({ kind: "text", text: this.#space });
    return told;
  }

  /** @param last nothing more will come */
  #read(last: boolean): AnswerDelta[] {
    const told: AnswerDelta[] = [];
    while (this.#step(told, last)) {}
    return told;
  }

  /** Whether there may be more to tell. */
  #step(told: AnswerDelta[], last: boolean): boolean {
    if (this.#arguments) return this.#readArguments(this.#arguments, told);
    if (this.#behind) return this.#readBehind(this.#behind.bracket, this.#behind.braces, last);
    if (this.#within) return this.#readCall(this.#within, told, last);
    return this.#readText(told, last);
  }

  #readText(told: AnswerDelta[], last: boolean): boolean {
    const { brackets, first } = this.#syntax;
    const start = this.#held.search(/\S/);
    if (!this.#begun && first && start >= 0 && this.#held.startsWith(first.open, start)) {
      this.#tell(told, this.#held.slice(0, start));
      this.#enter(first, start);
      return true;
    }
    const found = firstBracket(brackets, this.#held, last);
    if (found) {
      this.#tell(told, this.#held.slice(0, found.at));
      this.#enter(found.bracket, found.at);
      return true;
    }
    const free = last ? this.#held.length : this.#held.length - heldBack(brackets, this.#held);
    this.#tell(told, this.#held.slice(0, free));
    this.#held = this.#held.slice(free);
    return false;
  }

  #enter(bracket: Bracket, at: number): void {
    this.#within = bracket;
    this.#held = this.#held.slice(at);
  }

  /** Space at its end is told with what follows it, if that is text. */
  #tell(told: AnswerDelta[], text: string): void {
    const shown = (this.#space + text).trimEnd();
    if (shown === "") {
      this.#space += text;
      return;
    }
    this.#space = (this.#space + text).slice(shown.length);
    this.#begun = true;
    told.push({ kind: "text", text: shown });
  }

  /** Whether an object with the name of a tool is behind the bracket. */
  #readCall(bracket: Bracket, told: AnswerDelta[], last: boolean): boolean {
    const inside = this.#held.slice(bracket.holds ? 0 : bracket.open.length);
    const { keys } = this.#syntax;
    const head = headOf(inside, keys);
    if (head === "partly" && !last) return false;
    const call = typeof head === "object" ? head : wholeCall(inside, keys);
    if (call === "partly" && !last) return false;
    const tool = typeof call === "object" ? this.#tools.get(call.name) : undefined;
    if (tool && typeof call === "object" && takes(tool, call)) {
      this.#begun = true;
      this.#space = "";
      this.#held = inside.slice(call.length);
      told.push({ kind: "call", index: this.#count, name: call.name });
      if (call.whole === undefined) this.#arguments = new JsonScanner();
      else {
        told.push({ kind: "arguments", index: this.#count++, text: JSON.stringify(call.whole) });
        this.#ended++;
      }
      this.#behind = { bracket, braces: call.braces };
    } else {
      // The bracket is text. What follows it is looked at again.
      this.#tell(told, this.#held.slice(0, bracket.open.length));
      this.#held = this.#held.slice(bracket.open.length);
    }
    this.#within = null;
    return true;
  }

  #readArguments(scanner: JsonScanner, told: AnswerDelta[]): boolean {
    if (!scanner.begun) this.#held = this.#held.trimStart();
    const { length, ended } = scanner.read(this.#held);
    if (length > 0) told.push({ kind: "arguments", index: this.#count, text: this.#held.slice(0, length) });
    this.#held = this.#held.slice(length);
    if (!ended) return false;
    this.#arguments = null;
    this.#count++;
    this.#ended++;
    return true;
  }

  /** Skips the brace and the bracket behind a call; whatever else stands there is text. */
  #readBehind(bracket: Bracket, braces: string | null, last: boolean): boolean {
    const held = this.#held.trimStart();
    const { close, between } = bracket;
    const expected = braces === null ? [between, close].filter((text) => text) : [braces];
    const found = expected.find((text) => held.startsWith(text!));
    if (found === undefined) {
      if (!last && expected.some((text) => text!.startsWith(held))) return false;
      this.#behind = null;
      return true;
    }
    this.#behind = braces === null ? null : { bracket, braces: null };
    if (braces === null && found === between) this.#within = { open: between, close, between };
    this.#held = this.#within ? held : held.slice(found.length);
    return true;
  }
}

/** Whether what is known of a call is one that a tool takes. What a strict tool takes whole was checked by nobody. */
const takes = (tool: Tool, { whole }: Call): boolean =>
  whole === undefined || !tool.strict || meets(argumentsSchema(tool) as Schema, whole);

/** The first bracket in a text that cannot become a longer one. */
function firstBracket(
  brackets: readonly Bracket[],
  text: string,
  last: boolean,
): { readonly bracket: Bracket; readonly at: number } | null {
  let first: { readonly bracket: Bracket; readonly at: number } | null = null;
  for (const bracket of brackets) {
    const at = text.indexOf(bracket.open);
    if (at >= 0 && (!first || at < first.at)) first = { bracket, at };
  }
  if (!first || last) return first;
  const rest = text.slice(first.at);
  return brackets.some(({ open }) => open.length > rest.length && open.startsWith(rest)) ? null : first;
}

/** Length of the longest end of a text with which a bracket could begin. */
function heldBack(brackets: readonly Bracket[], text: string): number {
  const longest = Math.max(0, ...brackets.map(({ open }) => open.length - 1));
  for (let length = Math.min(text.length, longest); length > 0; length--) {
    const end = text.slice(-length);
    if (brackets.some(({ open }) => open.startsWith(end))) return length;
  }
  return 0;
}

interface Call {
  readonly name: string;
  /** Characters up to the arguments, or up to the end where `whole` has them. */
  readonly length: number;
  /** What closes the object behind its arguments; null where it is closed. */
  readonly braces: string | null;
  readonly whole?: object;
}

/**
 * What a call begins with, up to its arguments: `{"name": "f", "arguments":`. No name has an escape. Qwen2.5-Coder's
 * template shows doubled braces by mistake, and the model often repeats them.
 */
function headOf(text: string, keys: readonly string[]): Call | "partly" | "no" {
  let at = 0;
  /** The first of some words that stands next, with the space before it skipped; null at the text's end. */
  const next = (words: readonly string[]): string | null | undefined => {
    while (at < text.length && SPACE.includes(text[at]!)) at++;
    const found = words.find((word) => text.startsWith(word, at));
    if (found === undefined) return words.some((word) => word.startsWith(text.slice(at))) ? null : undefined;
    at += found.length;
    return found;
  };
  let name = "";
  let braces = "}";
  for (const words of [["{{", "{"], ['"name"'], [":"], ['"'], [","], keys.map((key) => `"${key}"`), [":"]]) {
    const found = next(words);
    if (!found) return found === null ? "partly" : "no";
    if (found === "{{") braces = "}}";
    if (found !== '"') continue;
    name = /^[^"\\]*/.exec(text.slice(at))![0];
    at += name.length;
    if (at === text.length) return "partly";
    if (text[at++] !== '"') return "no";
  }
  return { name, length: at, braces };
}

/** Names with which an object may begin that is a call in another order; any other is shown as it comes. */
const FIRST = ["name", "type", "id"];

/** An object whose keys come in another order. */
function wholeCall(text: string, keys: readonly string[]): Call | "partly" | "no" {
  const start = text.search(/\S/);
  if (start < 0) return "partly";
  if (text[start] !== "{") return "no";
  const begins = text.slice(start + 1).trimStart();
  const known = [...FIRST, ...keys].map((name) => `"${name}"`);
  if (!known.some((name) => begins.startsWith(name) || name.startsWith(begins))) return "no";
  const { length, ended } = new JsonScanner().read(text.slice(start));
  if (!ended) return "partly";
  try {
    const call = JSON.parse(text.slice(start, start + length)) as Readonly<Record<string, unknown>>;
    const given = keys.map((key) => call[key]).find((value) => value !== undefined);
    if (typeof call.name !== "string" || typeof given !== "object") return "no";
    return { name: call.name, length: start + length, braces: null, whole: given ?? {} };
  } catch {
    return "no";
  }
}
