/**
 * Decided tokens → text → server-sent events. Text is held back while it may still turn out to be the beginning of a
 * stop string or half a character; tokens are released whole, so that a trace's texts join to the answer.
 * Pure: the clock, the socket and the Session's state stay outside.
 */
import type { AnswerDelta } from "../../../core/calls/family.ts";
import type { TokenDecoder } from "../../../core/model/tokenizer.ts";
import type { DecidedToken } from "../../../core/speculate/round.ts";
import type { TokenLogprob } from "../../../core/speculate/types.ts";
import { AnswerContent } from "../../prompt/answer-content.ts";
import type { Generation } from "../../prompt/generation.ts";
import { errorBody } from "../error-response.ts";
import type { Head, Outcome, TracedToken } from "../outcome.ts";
import { chatLogprobs, type LogprobEntry, logprobEntry, textLogprobs } from "./logprobs.ts";
import { type ChoiceLogprobs, callId, choiceObject, chunk, completionHead, type Delta, endOf } from "./reply.ts";

/** A token of the answer, with its log probability where that was asked for. */
export interface AnswerToken extends TracedToken {
  readonly logprob?: LogprobEntry;
}

/** Text that may be shown now, and the tokens it came from. */
export interface Piece {
  readonly text: string;
  readonly tokens: readonly AnswerToken[];
  /** Where tools are offered: not all of the text is text then. */
  readonly deltas?: readonly AnswerDelta[];
}

export const deltasOf = ({ text, deltas }: Piece): readonly AnswerDelta[] =>
  deltas ?? (text === "" ? [] : [{ kind: "text", text }]);

/**
 * The text of one answer as its tokens arrive. The first stop string to be completed ends it and is cut off. So does a
 * line that is indented by fewer blanks than `indent`.
 */
export class AnswerText {
  readonly #decoder: TokenDecoder;
  readonly #stops: readonly string[];
  readonly #indent: number;
  #held: AnswerToken[] = [];
  #stopped = false;

  constructor(decoder: TokenDecoder, stops: readonly string[], indent = 0) {
    this.#decoder = decoder;
    this.#stops = stops;
    this.#indent = indent;
  }

  /** True once a stop string was met; later tokens are no part of the answer. */
  get stopped(): boolean {
    return this.#stopped;
  }

  push({ id, kept, rejected }: DecidedToken, pass: number, logprob?: TokenLogprob): Piece {
    const instead = rejected && { rejected: this.#decoder.instead(rejected) };
    const entry = logprob && { logprob: logprobEntry(this.#decoder, id, logprob) };
    this.#held.push({ id, text: this.#decoder.push(id), kept, pass, ...instead, ...entry });
    return this.#settle();
  }

  /** Releases what is held back, because nothing more will come. */
  end(): Piece {
    const rest = this.#decoder.end();
    const last = this.#held.pop();
    if (last) this.#held.push({ ...last, text: last.text + rest });
    const piece = this.#settle();
    return this.#stopped ? piece : pieceOf([...piece.tokens, ...this.#held.splice(0)]);
  }

  #settle(): Piece {
    const text = this.#held.map((token) => token.text).join("");
    const ends = [...this.#stops.map((stop) => text.indexOf(stop)), outdented(text, this.#indent)];
    const cut = Math.min(...ends.filter((at) => at >= 0));
    if (cut !== Infinity) {
      this.#stopped = true;
      return pieceOf(truncate(this.#held.splice(0), cut));
    }
    const blanks = this.#indent > 0 ? (/\n[ \t]*$/.exec(text)?.[0].length ?? 0) : 0;
    let free = text.length - Math.max(blanks, ...this.#stops.map((stop) => overlap(text, stop)));
    let whole = 0;
    for (const token of this.#held) {
      if (token.text.length > free) break;
      free -= token.text.length;
      whole++;
    }
    // A last token without text is half a character; whatever completes or ends it must find it here.
    while (whole > 0 && whole === this.#held.length && this.#held[whole - 1]?.text === "") whole--;
    return pieceOf(this.#held.splice(0, whole));
  }
}

/** Whole tokens as a piece. */
export const pieceOf = (tokens: readonly AnswerToken[]): Piece => ({
  text: tokens.map((token) => token.text).join(""),
  tokens,
});

/** Where the first line begins its text that is indented by fewer blanks than `least`; -1 where none is. */
function outdented(text: string, least: number): number {
  if (least === 0) return -1;
  for (const { index, 1: blanks } of text.matchAll(/\n([ \t]*)(?=[^ \t])/g)) {
    if (blanks!.length < least) return index + 1 + blanks!.length;
  }
  return -1;
}

/** Length of the longest end of `text` with which `stop` could begin. */
function overlap(text: string, stop: string): number {
  for (let length = Math.min(text.length, stop.length - 1); length > 0; length--) {
    if (text.endsWith(stop.slice(0, length))) return length;
  }
  return 0;
}

/** The tokens that make the first `length` characters, the last one shortened. */
function truncate(tokens: readonly AnswerToken[], length: number): AnswerToken[] {
  const kept: AnswerToken[] = [];
  let left = length;
  for (const token of tokens) {
    if (left <= 0) break;
    kept.push({ ...token, text: token.text.slice(0, left) });
    left -= token.text.length;
  }
  return kept;
}

const event = (json: unknown): string => `data: ${JSON.stringify(json)}\n\n`;

/** The last event of a stream that broke. */
export const errorEvent = (error: unknown): string => event(errorBody(error));

/** How an answer is written to the client: what to send at each of its stages, "" for nothing. */
export interface Form {
  readonly contentType: string;
  begin(): string;
  piece(piece: Piece): string;
  end(outcome: Outcome): string;
  /** Ends an answer that broke; null: nothing is sent before the end, and what broke the answer decides its status. */
  readonly failed: ((error: unknown) => string) | null;
}

type FormOptions = Pick<Generation, "stream" | "includeUsage" | "trace"> &
  Partial<Pick<Generation, "logprobs" | "offer" | "n">>;

/** What the forms of one request's choices share. The last of them ends the whole. */
export interface ChoiceEnds {
  readonly outcomes: Outcome[];
  /**
   * The JSON of each choice that is not streamed. With log probabilities it has megabytes, which as objects would take
   * ten times the room.
   */
  readonly texts: string[];
}

/** @param echo text that the answer begins with */
export const formOf = (
  head: Head,
  options: FormOptions,
  echo = "",
  ends: ChoiceEnds = { outcomes: [], texts: [] },
): Form => (options.stream ? new EventForm(head, options, echo, ends) : new CompletionForm(head, options, echo, ends));

/** The account of an answer in another shape: all of the trace stands in it, also where the answer is streamed. */
export const accountOf = ({ outcome: { account }, tokens, trace }: Completion) =>
  trace ? { ...account, tokens: traceOf(tokens) } : account;

/** None unless they were asked for. */
export const logprobsOf = (tokens: readonly AnswerToken[]): LogprobEntry[] =>
  tokens.flatMap(({ logprob }) => logprob ?? []);

const traceOf = (tokens: readonly AnswerToken[]): TracedToken[] => tokens.map(({ logprob: _, ...traced }) => traced);

/** The log probabilities of a piece, as the kind of answer has them. */
class LogprobWriter {
  readonly #kind: Head["kind"];
  #offset: number;

  /** @param offset characters of the answer before the first token */
  constructor(kind: Head["kind"], offset: number) {
    this.#kind = kind;
    this.#offset = offset;
  }

  of(tokens: readonly AnswerToken[]): ChoiceLogprobs {
    const entries = logprobsOf(tokens);
    const offsets = tokens.map(({ text }) => {
      const at = this.#offset;
      this.#offset += text.length;
      return at;
    });
    return this.#kind === "chat" ? chatLogprobs(entries) : textLogprobs(entries, offsets);
  }
}

/**
 * The events of one streamed answer, in the order OpenAI clients rely on: role, pieces, finish, usage if asked for,
 * `[DONE]`. The last chunk carries usage and timings. An error in the middle becomes one `{"error"}` event and the end.
 */
class EventForm implements Form {
  readonly contentType = "text/event-stream; charset=utf-8";
  readonly #head: Head;
  readonly #options: FormOptions;
  readonly #echo: string;
  readonly #logprobs: LogprobWriter | null;
  readonly #pending: { usage?: null };
  readonly #ends: ChoiceEnds;

  constructor(head: Head, options: FormOptions, echo: string, ends: ChoiceEnds) {
    this.#head = head;
    this.#ends = ends;
    this.#echo = echo;
    this.#logprobs = options.logprobs == null ? null : new LogprobWriter(head.kind, echo.length);
    this.#options = options;
    this.#pending = options.includeUsage ? { usage: null } : {};
  }

  begin(): string {
    if (this.#head.kind !== "chat") {
      return this.#echo === "" ? "" : event(chunk(this.#head, { content: this.#echo }, this.#pending));
    }
    // An answer that only calls has no content at all.
    const content = this.#options.offer ? null : "";
    return event(chunk(this.#head, { role: "assistant", content }, this.#pending));
  }

  piece(piece: Piece): string {
    const { tokens } = piece;
    const some = tokens.length > 0;
    const trace = this.#options.trace && some ? { outrider: { tokens: traceOf(tokens) } } : {};
    const logprobs = this.#logprobs && some ? { logprobs: this.#logprobs.of(tokens) } : {};
    const deltas = this.#deltas(deltasOf(piece));
    // What concerns the tokens goes with the first.
    if (deltas.length === 0 && ("outrider" in trace || "logprobs" in logprobs)) deltas.push({ content: "" });
    return deltas
      .map((delta, at) =>
        event(chunk(this.#head, delta, { ...this.#pending, ...(at === 0 && { ...trace, ...logprobs }) })),
      )
      .join("");
  }

  #deltas(deltas: readonly AnswerDelta[]): Delta[] {
    return deltas.map((each): Delta => {
      if (each.kind === "text") return { content: each.text };
      const { index } = each;
      if (each.kind === "arguments") return { tool_calls: [{ index, function: { arguments: each.text } }] };
      const called = { name: each.name, arguments: "" };
      return { tool_calls: [{ index, id: callId(this.#head, index), type: "function", function: called }] };
    });
  }

  end(outcome: Outcome): string {
    const { finish } = outcome;
    const { includeUsage, n } = this.#options;
    const { outcomes } = this.#ends;
    outcomes.push(outcome);
    const last = includeUsage ? this.#pending : endOf([outcome]);
    const finished = event(chunk(this.#head, {}, { finish, ...last }));
    if (outcomes.length < (n ?? 1)) return finished;
    const total = includeUsage ? event(chunk(this.#head, null, endOf(outcomes))) : "";
    return `${finished}${total}data: [DONE]\n\n`;
  }

  failed(error: unknown): string {
    return errorEvent(error);
  }
}

/** All of an answer. */
export interface WholeAnswer {
  readonly tokens: readonly AnswerToken[];
  readonly content: AnswerContent;
}

/** An answer that came to its end, as an object is made of it. */
export interface Completion extends WholeAnswer {
  readonly outcome: Outcome;
  /** Whether the account holds the trace. */
  readonly trace: boolean;
}

/** The pieces of an answer, kept until its end. */
export class AnswerBuffer implements WholeAnswer {
  readonly tokens: AnswerToken[] = [];
  readonly #deltas: AnswerDelta[] = [];

  push(piece: Piece): void {
    this.tokens.push(...piece.tokens);
    this.#deltas.push(...deltasOf(piece));
  }

  get content(): AnswerContent {
    return new AnswerContent(this.#deltas);
  }

  completion(outcome: Outcome, trace: boolean): Completion {
    return { tokens: this.tokens, content: this.content, outcome, trace };
  }
}

/** A form of an answer that is not streamed: its end writes one object. */
export class DocumentForm implements Form {
  readonly contentType = "application/json";
  readonly failed = null;
  readonly #trace: boolean;
  readonly #write: (completion: Completion) => object;
  readonly #buffer = new AnswerBuffer();

  constructor(trace: boolean, write: (completion: Completion) => object) {
    this.#trace = trace;
    this.#write = write;
  }

  begin(): string {
    return "";
  }

  piece(piece: Piece): string {
    this.#buffer.push(piece);
    return "";
  }

  end(outcome: Outcome): string {
    return JSON.stringify(this.#write(this.#buffer.completion(outcome, this.#trace)));
  }
}

class CompletionForm implements Form {
  readonly contentType = "application/json";
  readonly failed = null;
  readonly #head: Head;
  readonly #options: FormOptions;
  readonly #echo: string;
  readonly #ends: ChoiceEnds;
  readonly #buffer = new AnswerBuffer();

  constructor(head: Head, options: FormOptions, echo: string, ends: ChoiceEnds) {
    this.#head = head;
    this.#options = options;
    this.#echo = echo;
    this.#ends = ends;
  }

  begin(): string {
    return "";
  }

  piece(piece: Piece): string {
    this.#buffer.push(piece);
    return "";
  }

  end(outcome: Outcome): string {
    const { trace, logprobs, n } = this.#options;
    const { tokens, content } = this.#buffer;
    const entries = logprobs == null ? null : new LogprobWriter(this.#head.kind, this.#echo.length).of(tokens);
    const { outcomes, texts } = this.#ends;
    texts.push(JSON.stringify(choiceObject(this.#head, content, this.#echo, outcome.finish, entries)));
    const account = accountOf({ tokens, content, outcome, trace: trace && texts.length === 1 });
    outcomes.push({ ...outcome, account });
    if (outcomes.length < (n ?? 1)) return "";
    const [head, end] = [completionHead(this.#head), endOf(outcomes)].map((part) => JSON.stringify(part)) as [
      string,
      string,
    ];
    return `${head.slice(0, -1)},"choices":[${texts.join()}],${end.slice(1)}`;
  }
}
