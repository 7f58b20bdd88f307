/**
 * Chat messages → token ids, by the model's own template (@huggingface/jinja).
 * What a message says can never become a special token: before rendering, the special tokens that occur in message
 * texts are broken by a mark; after rendering, the template's own are found; then the marks are taken out of the text
 * between. The template still sees the real texts, so what it trims or tests comes out as in the reference.
 */
import { OutriderError } from "./errors.ts";
import { finished, type Sliced } from "./sliced.ts";
import { BoundedTemplate } from "./template.ts";
import { escaped, type Tokenizer } from "./tokenizer.ts";

export interface ChatMessage {
  readonly role: string;
  readonly content: string;
  /** Tools that an assistant's message called. */
  readonly calls?: readonly ChatCall[];
  /** Of a tool's message: the call that it answers. */
  readonly callId?: string;
}

/** A call of a tool, as messages and templates have it. */
export interface ChatCall {
  readonly id: string;
  readonly name: string;
  /** An object by the tool's schema. */
  readonly arguments: unknown;
}

/** A tool that the model may call. */
export interface ChatTool {
  readonly name: string;
  readonly description?: string | undefined;
  /** A JSON Schema of the arguments. */
  readonly parameters?: Readonly<Record<string, unknown>> | undefined;
}

/** Reads `tokenizer_config.json`. Throws `bad_tokenizer` where it is no JSON object. */
export function tokenizerConfig(json: string): Readonly<Record<string, unknown>> {
  let config: unknown;
  try {
    config = JSON.parse(json);
  } catch (cause) {
    throw new OutriderError("bad_tokenizer", "tokenizer_config.json is not JSON", { status: 500, cause });
  }
  if (typeof config === "object" && config !== null && !Array.isArray(config)) return { ...config };
  throw new OutriderError("bad_tokenizer", "tokenizer_config.json is not a JSON object", { status: 500 });
}

export class ChatTemplate {
  readonly #tokenizer: Tokenizer;
  /** The template's text. */
  readonly source: string;
  readonly #template: BoundedTemplate;
  readonly #names: { bos_token: string; eos_token: string };
  readonly #break: (text: string, mark: string) => string;

  /**
   * Takes the text of `tokenizer_config.json`. Throws `no_chat_template` if the model has none, and `bad_tokenizer`
   * (500) if the file or its template cannot be read.
   */
  constructor(tokenizerConfigJson: string, tokenizer: Tokenizer) {
    const config = tokenizerConfig(tokenizerConfigJson);
    const source = templateOf(config.chat_template);
    if (source === undefined) {
      throw new OutriderError(
        "no_chat_template",
        "this model has no chat template; use /v1/completions with a raw prompt",
      );
    }
    this.#tokenizer = tokenizer;
    this.source = source;
    try {
      this.#template = new BoundedTemplate(source);
    } catch (cause) {
      const why = (cause as Error).message.slice(0, 200);
      throw new OutriderError("bad_tokenizer", `tokenizer_config.json: its chat template cannot be read: ${why}`, {
        status: 500,
        cause,
      });
    }
    this.#names = { bos_token: textOf(config.bos_token), eos_token: textOf(config.eos_token) };
    this.#break = specialsBroken(tokenizer.specialTokens);
  }

  /**
   * Ids of a conversation, ready for the assistant's next turn.
   * Throws `bad_messages` with the template's own words when it refuses the conversation or finds no end, and
   * `too_many_tokens` where there would be more than `most` ids.
   */
  encode(messages: readonly ChatMessage[], most = Infinity, tools: readonly ChatTool[] = []): number[] {
    return finished(this.encoding(messages, most, tools));
  }

  /** As `encode`; what follows the rendering is done in slices. */
  *encoding(messages: readonly ChatMessage[], most = Infinity, tools: readonly ChatTool[] = []): Sliced<number[]> {
    const mark = unusedMark(messages, tools);
    const text = this.#rendered(messages, mark, tools);
    return yield* this.#tokenizer.encodingMarked(text, (piece) => piece.replaceAll(mark, ""), most);
  }

  /**
   * The text of a conversation, for people to read: in it the template's special tokens look like those that a message
   * writes. Throws `bad_messages` as `encode` does.
   */
  render(messages: readonly ChatMessage[], tools: readonly ChatTool[] = []): string {
    const mark = unusedMark(messages, tools);
    return this.#rendered(messages, mark, tools).replaceAll(mark, "");
  }

  /** The text of a conversation, with the mark in every special token that a message writes. */
  #rendered(messages: readonly ChatMessage[], mark: string, tools: readonly ChatTool[]): string {
    const broken = textsOf(forTemplate(messages), (text) => this.#break(text, mark));
    const given = tools.map((tool) => ({ type: "function", function: tool }));
    const offered = given.length > 0 && { tools: textsOf(given, (text) => this.#break(text, mark)) };
    try {
      return this.#template.render({ messages: broken, ...offered, add_generation_prompt: true, ...this.#names });
    } catch (cause) {
      throw new OutriderError("bad_messages", `the chat template refuses these messages: ${(cause as Error).message}`, {
        cause,
      });
    }
  }
}

/** Messages as templates read them. Some want a result to name the tool that was called. */
function forTemplate(messages: readonly ChatMessage[]): readonly Readonly<Record<string, unknown>>[] {
  const names = new Map(messages.flatMap(({ calls = [] }) => calls.map(({ id, name }) => [id, name])));
  return messages.map(({ role, content, calls, callId }) => ({
    role,
    content,
    ...(calls && {
      tool_calls: calls.map(({ id, name, arguments: given }) => ({
        id,
        type: "function",
        function: { name, arguments: given },
      })),
    }),
    ...(callId !== undefined && { tool_call_id: callId }),
    ...(callId !== undefined && names.has(callId) && { name: names.get(callId) }),
  }));
}

/** A value with every text in it changed, the names of objects' parts too. */
function textsOf<T>(value: T, change: (text: string) => string): T {
  const changed = (part: unknown): unknown => {
    if (typeof part === "string") return change(part);
    if (Array.isArray(part)) return part.map(changed);
    if (typeof part !== "object" || part === null) return part;
    return Object.fromEntries(Object.entries(part).map(([name, inner]) => [change(name), changed(inner)]));
  };
  return changed(value) as T;
}

/** The template of a configuration: one text, or the one named `default` of several. */
function templateOf(given: unknown): string | undefined {
  const named = Array.isArray(given) ? given.find((one) => one?.name === "default")?.template : given;
  return typeof named === "string" ? named : undefined;
}

/** Hugging Face writes a token as its text or as an object with it. */
function textOf(token: unknown): string {
  const text = typeof token === "object" ? (token as { content?: unknown } | null)?.content : token;
  return typeof text === "string" ? text : "";
}

/**
 * A noncharacter, U+FDD0 … U+FDEF, that no message contains. They never stand for text, so one is as good as always
 * free.
 */
function unusedMark(messages: readonly ChatMessage[], tools: readonly ChatTool[]): string {
  const all = JSON.stringify([messages, tools]);
  for (let unit = 0xfdd0; unit <= 0xfdef; unit++) {
    const mark = String.fromCharCode(unit);
    if (!all.includes(mark)) return mark;
  }
  throw new OutriderError("bad_messages", "the messages contain all 32 noncharacters U+FDD0 to U+FDEF; leave one out");
}

/** The beginnings of a special token that a text may end in. */
const startsOf = (special: string): string[] =>
  Array.from({ length: special.length - 1 }, (_, at) => special.slice(0, at + 1));

/**
 * Puts the mark after the first character of every special token, and of one that the text ends in the middle of. A
 * request may hold a hundred thousand texts and a tokenizer hundreds of special tokens, so it looks for all at once.
 */
function specialsBroken(specials: readonly string[]): (text: string, mark: string) => string {
  const firsts = [...new Set(specials.map((special) => special[0]!))];
  const longest = Math.max(0, ...specials.map(({ length }) => length));
  const starts = new Set(specials.flatMap(startsOf));
  const whole = new RegExp(`(?=${specials.map(escaped).join("|")})[^]`, "g");
  return (text, mark) => {
    // Most texts have no character that a special token begins with.
    if (!firsts.some((first) => text.includes(first))) return text;
    const places = new Set(Array.from(text.matchAll(whole), ({ index }) => index));
    for (let at = Math.max(0, text.length - longest); at < text.length; at++) {
      if (starts.has(text.slice(at))) places.add(at);
    }
    let broken = "";
    let from = 0;
    for (const at of [...places].sort((a, b) => a - b)) {
      broken += text.slice(from, at + 1) + mark;
      from = at + 1;
    }
    return broken + text.slice(from);
  };
}
