/**
 * Decided tokens → text → server-sent events. Text is held back while it may still turn out to be the beginning of a
 * stop string or half a character; tokens are released whole, so that a trace's texts join to the answer.
 * Pure: the clock, the socket and the Session's state stay outside.
 */
import type { Told } from "../../../core/calls/family.ts";
import type { TokenDecoder } from "../../../core/model/tokenizer.ts";
import type { DecidedToken } from "../../../core/speculate/round.ts";
import type { TokenLogprob } from "../../../core/speculate/types.ts";
import type { Generation } from "../../prompt/generation.ts";
import { Said } from "../../prompt/said.ts";
import { errorBody } from "../error-response.ts";
import type { Head, Outcome, TracedToken } from "../outcome.ts";
import { chatLogprobs, type ToldToken, textLogprobs, toldToken } from "./logprobs.ts";
import { type ChoiceLogprobs, callId, chunk, completion, type Delta, usage } from "./reply.ts";

/** A token of the answer, and what is told of it where that was asked for. */
export interface ShownToken extends TracedToken {
  readonly told?: ToldToken;
}

/** Text that may be shown now, and the tokens it came from. */
export interface Piece {
  readonly text: string;
  readonly tokens: readonly ShownToken[];
  /** What it says, where tools are offered: not all of the text is text then. */
  readonly told?: readonly Told[];
}

/** What a piece says. */
export const toldOf = ({ text, told }: Piece): readonly Told[] => told ?? (text === "" ? [] : [{ kind: "text", text }]);

/** The text of one answer as its tokens arrive. The first stop string to be completed ends it and is cut off. */
export class AnswerText {
  readonly #decoder: TokenDecoder;
  readonly #stops: readonly string[];
  #held: ShownToken[] = [];
  #stopped = false;

  constructor(decoder: TokenDecoder, stops: readonly string[]) {
    this.#decoder = decoder;
    this.#stops = stops;
  }

  /** True once a stop string was met; later tokens are no part of the answer. */
  get stopped(): boolean {
    return this.#stopped;
  }

  push({ id, kept, rejected }: DecidedToken, pass: number, logprob?: TokenLogprob): Piece {
    const instead = rejected && { rejected: this.#decoder.instead(rejected) };
    const told = logprob && { told: toldToken(this.#decoder, id, logprob) };
    this.#held.push({ id, text: this.#decoder.push(id), kept, pass, ...instead, ...told });
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
    const cut = Math.min(...this.#stops.map((stop) => text.indexOf(stop)).filter((at) => at >= 0));
    if (cut !== Infinity) {
      this.#stopped = true;
      return pieceOf(truncate(this.#held.splice(0), cut));
    }
    let free = text.length - Math.max(0, ...this.#stops.map((stop) => overlap(text, stop)));
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
export const pieceOf = (tokens: readonly ShownToken[]): Piece => ({
  text: tokens.map((token) => token.text).join(""),
  tokens,
});

/** Length of the longest end of `text` with which `stop` could begin. */
function overlap(text: string, stop: string): number {
  for (let length = Math.min(text.length, stop.length - 1); length > 0; length--) {
    if (text.endsWith(stop.slice(0, length))) return length;
  }
  return 0;
}

/** The tokens that make the first `length` characters, the last one shortened. */
function truncate(tokens: readonly ShownToken[], length: number): ShownToken[] {
  const kept: ShownToken[] = [];
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

type Asked = Pick<Generation, "stream" | "includeUsage" | "trace"> & Partial<Pick<Generation, "logprobs" | "offer">>;

/** @param echo text that the answer begins with */
export const formOf = (head: Head, generation: Asked, echo = ""): Form =>
  generation.stream ? new EventForm(head, generation, echo) : documentForm(head, generation, echo);

/** The account of an answer in another shape: all of the trace stands in it, also where the answer is streamed. */
export const accountOf = ({ account }: Outcome, tokens: readonly ShownToken[], trace: boolean) =>
  trace ? { ...account, tokens: traceOf(tokens) } : account;

const traceOf = (tokens: readonly ShownToken[]): TracedToken[] => tokens.map(({ told: _, ...traced }) => traced);

/** The log probabilities of a piece, as the kind of answer has them. */
class Telling {
  readonly #kind: Head["kind"];
  #offset: number;

  /** @param offset characters of the answer before the first token */
  constructor(kind: Head["kind"], offset: number) {
    this.#kind = kind;
    this.#offset = offset;
  }

  of(tokens: readonly ShownToken[]): ChoiceLogprobs {
    const told = tokens.flatMap((token) => token.told ?? []);
    const offsets = tokens.map(({ text }) => {
      const at = this.#offset;
      this.#offset += text.length;
      return at;
    });
    return this.#kind === "chat" ? chatLogprobs(told) : textLogprobs(told, offsets);
  }
}

/**
 * The events of one streamed answer, in the order OpenAI clients rely on: role, pieces, finish, usage if asked for,
 * `[DONE]`. The last chunk carries usage and timings. An error in the middle becomes one `{"error"}` event and the end.
 */
class EventForm implements Form {
  readonly contentType = "text/event-stream; charset=utf-8";
  readonly #head: Head;
  readonly #asked: Asked;
  readonly #echo: string;
  readonly #telling: Telling | null;
  readonly #pending: { usage?: null };

  constructor(head: Head, asked: Asked, echo: string) {
    this.#head = head;
    this.#echo = echo;
    this.#telling = asked.logprobs == null ? null : new Telling(head.kind, echo.length);
    this.#asked = asked;
    this.#pending = asked.includeUsage ? { usage: null } : {};
  }

  begin(): string {
    if (this.#head.kind !== "chat") {
      return this.#echo === "" ? "" : event(chunk(this.#head, { content: this.#echo }, this.#pending));
    }
    // An answer that only calls has no content at all.
    const content = this.#asked.offer ? null : "";
    return event(chunk(this.#head, { role: "assistant", content }, this.#pending));
  }

  piece(piece: Piece): string {
    const { tokens } = piece;
    const some = tokens.length > 0;
    const trace = this.#asked.trace && some ? { outrider: { tokens: traceOf(tokens) } } : {};
    const told = this.#telling && some ? { logprobs: this.#telling.of(tokens) } : {};
    const deltas = this.#deltas(toldOf(piece));
    // What is told of the tokens goes with the first.
    if (deltas.length === 0 && ("outrider" in trace || "logprobs" in told)) deltas.push({ content: "" });
    return deltas
      .map((delta, at) => event(chunk(this.#head, delta, { ...this.#pending, ...(at === 0 && { ...trace, ...told }) })))
      .join("");
  }

  #deltas(told: readonly Told[]): Delta[] {
    return told.map((each): Delta => {
      if (each.kind === "text") return { content: each.text };
      const { index } = each;
      if (each.kind === "arguments") return { tool_calls: [{ index, function: { arguments: each.text } }] };
      const called = { name: each.name, arguments: "" };
      return { tool_calls: [{ index, id: callId(this.#head, index), type: "function", function: called }] };
    });
  }

  end(outcome: Outcome): string {
    const { finish, timings, account } = outcome;
    const last = { usage: usage(outcome), timings, outrider: account };
    const chunks = this.#asked.includeUsage
      ? [chunk(this.#head, {}, { finish, ...this.#pending }), chunk(this.#head, null, last)]
      : [chunk(this.#head, {}, { finish, ...last })];
    return `${chunks.map(event).join("")}data: [DONE]\n\n`;
  }

  failed(error: unknown): string {
    return errorEvent(error);
  }
}

/** All of an answer. */
export interface Whole {
  readonly tokens: readonly ShownToken[];
  readonly said: Said;
}

/** A form of an answer that is not streamed: its tokens are held, and its end writes one object. */
export class HeldForm implements Form {
  readonly contentType = "application/json";
  readonly failed = null;
  readonly #write: (whole: Whole, outcome: Outcome) => object;
  readonly #held = new Held();

  /** @param write the object, of all that the answer said */
  constructor(write: (whole: Whole, outcome: Outcome) => object) {
    this.#write = write;
  }

  begin(): string {
    return "";
  }

  piece(piece: Piece): string {
    this.#held.push(piece);
    return "";
  }

  end(outcome: Outcome): string {
    return JSON.stringify(this.#write(this.#held.whole, outcome));
  }
}

/** The pieces of an answer, held until its end. */
export class Held {
  readonly #tokens: ShownToken[] = [];
  readonly #told: Told[] = [];

  push(piece: Piece): void {
    this.#tokens.push(...piece.tokens);
    this.#told.push(...toldOf(piece));
  }

  get whole(): Whole {
    return { tokens: this.#tokens, said: new Said(this.#told) };
  }
}

const documentForm = (head: Head, { trace, logprobs }: Asked, echo: string): Form =>
  new HeldForm(({ tokens, said }, outcome) => {
    const told = logprobs == null ? null : new Telling(head.kind, echo.length).of(tokens);
    return completion(head, said, echo, outcome, trace ? traceOf(tokens) : null, told);
  });
