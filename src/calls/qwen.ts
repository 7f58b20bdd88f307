/**
 * Qwen 2.5's calls, in the format of Nous' Hermes: an object with name and arguments between tags, one after the other.
 * Qwen2.5-Coder mostly writes the object in a fence, between <tools> tags or bare; such a text is a call where it is
 * an object with the name of a tool that was given, and stays text otherwise.
 *
 *   <tool_call>\n{"name": "f", "arguments": {…}}\n</tool_call>
 */
import type { ConstraintSource } from "../grammar/source.ts";
import type { ChatTool } from "../model/chat.ts";
import type { CallReader, Family, Told } from "./family.ts";
import { JsonScanner } from "./json-scanner.ts";

/** Calls of one answer at most. */
const MAX_CALLS = 32;

const OPEN = "<tool_call>";
const CLOSE = "</tool_call>";
/** What a call may stand between. Longer ones come first where one begins with another. */
const BRACKETS: readonly { readonly open: string; readonly close: string }[] = [
  { open: OPEN, close: CLOSE },
  { open: "<tools>", close: "</tools>" },
  { open: "```json", close: "```" },
  { open: "```", close: "```" },
];
/** An object that stands bare at the beginning of an answer. */
const BARE = { open: "", close: "" };

export const QWEN: Family = {
  writes: (template) => template.includes(OPEN),
  reader: (tools) => new QwenReader(tools),
  calls(tools, several) {
    const one: ConstraintSource = { kind: "either", of: tools.map(callOf) };
    return several ? { kind: "several", item: one, between: "\n", most: MAX_CALLS } : one;
  },
};

const callOf = ({ name, parameters }: ChatTool): ConstraintSource => ({
  kind: "sequence",
  of: [
    { kind: "choice", of: [`${OPEN}\n{"name": ${JSON.stringify(name)}, "arguments": `] },
    { kind: "schema", schema: { type: "object", ...parameters } },
    { kind: "choice", of: [`}\n${CLOSE}`] },
  ],
});

type Bracket = (typeof BRACKETS)[number];

class QwenReader implements CallReader {
  readonly #names: ReadonlySet<string>;
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
  /** What is still to be skipped behind a call. */
  #closing: string[] = [];
  #count = 0;

  constructor(tools: readonly ChatTool[]) {
    this.#names = new Set(tools.map(({ name }) => name));
  }

  push(text: string): Told[] {
    this.#held += text;
    return this.#read(false);
  }

  end(): Told[] {
    return this.#read(true);
  }

  /** @param last nothing more will come */
  #read(last: boolean): Told[] {
    const told: Told[] = [];
    while (this.#step(told, last)) {}
    return told;
  }

  /** Whether there may be more to tell. */
  #step(told: Told[], last: boolean): boolean {
    if (this.#arguments) return this.#readArguments(this.#arguments, told);
    if (this.#closing.length > 0) return this.#close(last);
    if (this.#within) return this.#readCall(this.#within, told, last);
    return this.#readText(told, last);
  }

  #readText(told: Told[], last: boolean): boolean {
    const first = this.#held.search(/\S/);
    if (!this.#begun && this.#held[first] === "{") {
      this.#enter(BARE, first);
      return true;
    }
    const found = firstBracket(this.#held, last);
    if (found) {
      this.#tell(told, this.#held.slice(0, found.at));
      this.#enter(found.bracket, found.at);
      return true;
    }
    const free = last ? this.#held.length : this.#held.length - heldBack(this.#held);
    this.#tell(told, this.#held.slice(0, free));
    this.#held = this.#held.slice(free);
    return false;
  }

  #enter(bracket: Bracket, at: number): void {
    this.#within = bracket;
    this.#held = this.#held.slice(at);
  }

  /** Space at its end is told with what follows it, if that is text. */
  #tell(told: Told[], text: string): void {
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
  #readCall(bracket: Bracket, told: Told[], last: boolean): boolean {
    const inside = this.#held.slice(bracket.open.length);
    const head = headOf(inside);
    if (head === "partly" && !last) return false;
    const call = typeof head === "object" ? head : wholeCall(inside);
    if (call === "partly" && !last) return false;
    if (typeof call === "object" && this.#names.has(call.name)) {
      this.#begun = true;
      this.#space = "";
      this.#held = inside.slice(call.length);
      told.push({ kind: "call", index: this.#count, name: call.name });
      if (call.text === undefined) this.#arguments = new JsonScanner();
      else told.push({ kind: "arguments", index: this.#count++, text: call.text });
      this.#closing = [...(call.text === undefined ? ["}"] : []), ...(bracket.close === "" ? [] : [bracket.close])];
    } else {
      // The bracket is text. What follows it is looked at again.
      const length = Math.max(bracket.open.length, 1);
      this.#tell(told, this.#held.slice(0, length));
      this.#held = this.#held.slice(length);
    }
    this.#within = null;
    return true;
  }

  #readArguments(scanner: JsonScanner, told: Told[]): boolean {
    if (!scanner.begun) this.#held = this.#held.trimStart();
    const { length, ended } = scanner.read(this.#held);
    if (length > 0) told.push({ kind: "arguments", index: this.#count, text: this.#held.slice(0, length) });
    this.#held = this.#held.slice(length);
    if (!ended) return false;
    this.#arguments = null;
    this.#count++;
    return true;
  }

  /** Skips the brace and the bracket behind a call; whatever else stands there is text. */
  #close(last: boolean): boolean {
    const held = this.#held.trimStart();
    const [next] = this.#closing as [string];
    if (held.startsWith(next)) {
      this.#closing = this.#closing.slice(1);
      this.#held = held.slice(next.length);
      return true;
    }
    if (!last && next.startsWith(held)) return false;
    this.#closing = [];
    return true;
  }
}

/** The first bracket in a text that cannot become a longer one. */
function firstBracket(text: string, last: boolean): { readonly bracket: Bracket; readonly at: number } | null {
  let first: { readonly bracket: Bracket; readonly at: number } | null = null;
  for (const bracket of BRACKETS) {
    const at = text.indexOf(bracket.open);
    if (at >= 0 && (!first || at < first.at)) first = { bracket, at };
  }
  if (!first || last) return first;
  const rest = text.slice(first.at);
  return BRACKETS.some(({ open }) => open.length > rest.length && open.startsWith(rest)) ? null : first;
}

/** Length of the longest end of a text with which a bracket could begin. */
function heldBack(text: string): number {
  for (let length = Math.min(text.length, "<tool_call>".length - 1); length > 0; length--) {
    const end = text.slice(-length);
    if (BRACKETS.some(({ open }) => open.startsWith(end))) return length;
  }
  return 0;
}

interface Call {
  readonly name: string;
  /** Characters up to the arguments, or up to the end where `text` has them. */
  readonly length: number;
  readonly text?: string;
}

/** What a call begins with, up to its arguments, and every beginning of that. */
const HEAD = /^\s*\{\s*"name"\s*:\s*("(?:[^"\\]|\\.)*")\s*,\s*"arguments"\s*:/;
const BEGINNING =
  /^\s*(?:$|\{\s*(?:$|(?:"|"n|"na|"nam|"name)$|"name"\s*(?:$|:\s*(?:$|"(?:[^"\\]|\\.)*\\?$|STRING\s*(?:$|,\s*(?:$|ARGS\s*$))))))/;

function headOf(text: string): Call | "partly" | "no" {
  const match = HEAD.exec(text);
  if (match) return { name: textOf(match[1]!), length: match[0].length };
  return BEGINNINGS.test(text) ? "partly" : "no";
}

const STRING = String.raw`"(?:[^"\\]|\\.)*"`;
const ARGUMENTS = [...'"arguments"'].map((_, length) => '"arguments"'.slice(0, length + 1)).join("|");
const BEGINNINGS = new RegExp(BEGINNING.source.replace("STRING", STRING).replace("ARGS", `(?:${ARGUMENTS})`));

/** An object whose keys come in another order. */
function wholeCall(text: string): Call | "partly" | "no" {
  const start = text.search(/\S/);
  if (start < 0) return "partly";
  if (text[start] !== "{") return "no";
  const { length, ended } = new JsonScanner().read(text.slice(start));
  if (!ended) return "partly";
  try {
    const call = JSON.parse(text.slice(start, start + length)) as { name?: unknown; arguments?: unknown };
    if (typeof call.name !== "string" || typeof call.arguments !== "object") return "no";
    return { name: call.name, length: start + length, text: JSON.stringify(call.arguments ?? {}) };
  } catch {
    return "no";
  }
}

function textOf(json: string): string {
  try {
    return JSON.parse(json) as string;
  } catch {
    return "";
  }
}
