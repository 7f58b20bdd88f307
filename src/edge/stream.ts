/**
 * Decided tokens → text → server-sent events. Text is held back while it may still turn out to be the beginning of a
 * stop string or half a character; tokens are released whole, so that a trace's texts join to the answer.
 * Pure: the clock, the socket and the Session's state stay outside.
 */
import type { TokenDecoder } from "../model/tokenizer.ts";
import type { DecidedToken } from "../speculate/round.ts";
import type { Generation } from "./openai.ts";
import { chunk, completion, errorBody, type Head, type Outcome, type TracedToken, usage } from "./reply.ts";

/** Text that may be shown now, and the tokens it came from. */
export interface Piece {
  readonly text: string;
  readonly tokens: readonly TracedToken[];
}

/** The text of one answer as its tokens arrive. The first stop string to be completed ends it and is cut off. */
export class AnswerText {
  readonly #decoder: TokenDecoder;
  readonly #stops: readonly string[];
  #held: TracedToken[] = [];
  #stopped = false;

  constructor(decoder: TokenDecoder, stops: readonly string[]) {
    this.#decoder = decoder;
    this.#stops = stops;
  }

  /** True once a stop string was met; later tokens are no part of the answer. */
  get stopped(): boolean {
    return this.#stopped;
  }

  push({ id, kept, rejected }: DecidedToken, pass: number): Piece {
    const instead = rejected && { rejected: this.#decoder.instead(rejected) };
    this.#held.push({ id, text: this.#decoder.push(id), kept, pass, ...instead });
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
export const pieceOf = (tokens: readonly TracedToken[]): Piece => ({
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
function truncate(tokens: readonly TracedToken[], length: number): TracedToken[] {
  const kept: TracedToken[] = [];
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

export const formOf = (head: Head, generation: Pick<Generation, "stream" | "includeUsage" | "trace">): Form =>
  generation.stream ? new EventForm(head, generation) : new DocumentForm(head, generation);

/**
 * The events of one streamed answer, in the order OpenAI clients rely on: role, pieces, finish, usage if asked for,
 * `[DONE]`. The last chunk carries usage and timings. An error in the middle becomes one `{"error"}` event and the end.
 */
class EventForm implements Form {
  readonly contentType = "text/event-stream; charset=utf-8";
  readonly #head: Head;
  readonly #asked: Pick<Generation, "includeUsage" | "trace">;
  readonly #pending: { usage?: null };

  constructor(head: Head, asked: Pick<Generation, "includeUsage" | "trace">) {
    this.#head = head;
    this.#asked = asked;
    this.#pending = asked.includeUsage ? { usage: null } : {};
  }

  begin(): string {
    if (this.#head.kind !== "chat") return "";
    return event(chunk(this.#head, { role: "assistant", content: "" }, this.#pending));
  }

  piece({ text, tokens }: Piece): string {
    const trace = this.#asked.trace && tokens.length > 0 ? { outrider: { tokens } } : {};
    if (text === "" && !("outrider" in trace)) return "";
    return event(chunk(this.#head, { content: text }, { ...this.#pending, ...trace }));
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

/** An answer that is not streamed: one object at the end. */
class DocumentForm implements Form {
  readonly contentType = "application/json";
  readonly failed = null;
  readonly #head: Head;
  readonly #trace: boolean;
  readonly #tokens: TracedToken[] = [];

  constructor(head: Head, { trace }: Pick<Generation, "trace">) {
    this.#head = head;
    this.#trace = trace;
  }

  begin(): string {
    return "";
  }

  piece({ tokens }: Piece): string {
    this.#tokens.push(...tokens);
    return "";
  }

  end(outcome: Outcome): string {
    const text = this.#tokens.map((token) => token.text).join("");
    return JSON.stringify(completion(this.#head, text, outcome, this.#trace ? this.#tokens : null));
  }
}
