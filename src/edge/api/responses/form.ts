/**
 * How an answer is written to a client of the Responses API. OpenAI's SDK follows the events one by one and stops at
 * the first that is out of order: the response, an item, the item's part, the part's text or a call's arguments, and
 * all of them closed again from the inside out before the next item. Each event says its number and, where it belongs
 * to an item, the item's id and place.
 */
import type { Told } from "../../../core/calls/family.ts";
import type { Generation } from "../../prompt/generation.ts";
import { unstoredOutcome } from "../../store/storage-failure.ts";
import { errorBody } from "../error-response.ts";
import type { ToldToken } from "../openai/logprobs.ts";
import { type Form, Held, HeldForm, type Piece, toldOf } from "../openai/stream.ts";
import type { Head, Outcome } from "../outcome.ts";
import {
  callItem,
  type Ended as Finished,
  type Item,
  logprobsOf,
  messageItem,
  type ResponseObject,
  responseObject,
  storedObject,
  textPart,
} from "./object.ts";
import { notStored, type ResponsesDialect } from "./request.ts";

/** Is told of an answer that came to its end: what is to be stored of it. False where it could not be. */
type Ended = (response: ResponseObject) => boolean;

type Asked = Pick<Generation, "stream" | "trace">;

export const responsesForm = (head: Head, dialect: ResponsesDialect, asked: Asked, ended: Ended): Form =>
  asked.stream
    ? new ResponseEvents(head, dialect, asked.trace, ended)
    : new HeldForm((whole, outcome) => {
        return finished(head, dialect, ended, { whole, outcome, trace: asked.trace });
      });

/** A response at its end. It is stored first, so that it tells whether it was. */
function finished(head: Head, dialect: ResponsesDialect, ended: Ended, { whole, outcome, trace }: Finished) {
  if (ended(storedObject(head, dialect, whole, outcome)))
    return responseObject(head, dialect, { whole, outcome, trace });
  return responseObject(head, notStored(dialect), { whole, outcome: unstoredOutcome(outcome), trace });
}

class ResponseEvents implements Form {
  readonly contentType = "text/event-stream; charset=utf-8";
  readonly #head: Head;
  readonly #dialect: ResponsesDialect;
  readonly #ended: Ended;
  #number = 0;
  readonly #trace: boolean;
  readonly #held = new Held();
  /** Items so far, and the one that is open. */
  #items = 0;
  #open: Item | null = null;
  /** The calls among them. */
  #calls = 0;

  constructor(head: Head, dialect: ResponsesDialect, trace: boolean, ended: Ended) {
    this.#head = head;
    this.#dialect = dialect;
    this.#trace = trace;
    this.#ended = ended;
  }

  begin(): string {
    const response = responseObject(this.#head, this.#dialect, null);
    return this.#event("response.created", { response }) + this.#event("response.in_progress", { response });
  }

  piece(piece: Piece): string {
    this.#held.push(piece);
    const told = toldOf(piece);
    const logprobs = logprobsOf(piece.tokens);
    // They go with text; a call has no place for them.
    if (logprobs.length > 0 && told.length === 0 && this.#open?.type === "message") return this.#text("", logprobs);
    const first = told.findIndex(({ kind }) => kind === "text");
    return told.map((each, at) => this.#told(each, at === first ? logprobs : [])).join("");
  }

  #told(told: Told, logprobs: readonly ToldToken[]): string {
    switch (told.kind) {
      case "text":
        return this.#text(told.text, logprobs);
      case "call": {
        const closed = this.#close("completed");
        const given = { at: this.#items++, call: this.#calls++, name: told.name, arguments: "" };
        this.#open = callItem(this.#head, this.#dialect.id, "in_progress", given);
        return closed + this.#event("response.output_item.added", { output_index: given.at, item: this.#open });
      }
      case "arguments": {
        const open = this.#open as Extract<Item, { type: "function_call" }>;
        this.#open = { ...open, arguments: open.arguments + told.text };
        return this.#event("response.function_call_arguments.delta", { ...this.#place, delta: told.text });
      }
    }
  }

  #text(text: string, logprobs: readonly ToldToken[]): string {
    const opened = this.#open?.type === "message" ? "" : this.#message();
    const open = this.#open as Extract<Item, { type: "message" }>;
    const [part] = open.content;
    this.#open = { ...open, content: [textPart(part!.text + text, [...part!.logprobs, ...logprobs])] };
    return opened + this.#event("response.output_text.delta", { ...this.#part, delta: text, logprobs });
  }

  #message(): string {
    const closed = this.#close("completed");
    const at = this.#items++;
    const item = messageItem(this.#dialect.id, at, "in_progress", []);
    this.#open = { ...item, content: [textPart("", [])] };
    return [
      closed,
      this.#event("response.output_item.added", { output_index: at, item }),
      this.#event("response.content_part.added", { ...this.#part, part: textPart("", []) }),
    ].join("");
  }

  /** Closes the item that is open, if one is. */
  #close(status: Item["status"]): string {
    const open = this.#open;
    if (!open) return "";
    const done = open.type === "message" ? this.#textDone(open.content[0]!) : this.#callDone(open);
    const item = { ...open, status };
    const closed = done + this.#event("response.output_item.done", { output_index: this.#items - 1, item });
    this.#open = null;
    return closed;
  }

  #textDone(part: ReturnType<typeof textPart>): string {
    const { text, logprobs } = part;
    return (
      this.#event("response.output_text.done", { ...this.#part, text, logprobs }) +
      this.#event("response.content_part.done", { ...this.#part, part })
    );
  }

  #callDone({ name, arguments: given }: Extract<Item, { type: "function_call" }>): string {
    return this.#event("response.function_call_arguments.done", { ...this.#place, name, arguments: given });
  }

  end(outcome: Outcome): string {
    const { whole } = this.#held;
    const response = finished(this.#head, this.#dialect, this.#ended, { whole, outcome, trace: this.#trace });
    return [
      this.#items === 0 ? this.#message() : "",
      this.#close(response.status),
      this.#event(`response.${response.status}`, { response }),
    ].join("");
  }

  readonly failed = (error: unknown): string => {
    const { message, code } = errorBody(error).error;
    const response = responseObject(this.#head, this.#dialect, null, { code, message });
    return this.#event("response.failed", { response });
  };

  /** Of the item that is open. */
  get #place() {
    return { item_id: this.#open!.id, output_index: this.#items - 1 };
  }

  /** Of the part of the message that is open. */
  get #part() {
    return { ...this.#place, content_index: 0 };
  }

  #event(type: string, fields: object): string {
    const data = { type, sequence_number: this.#number++, ...fields };
    return `event: ${type}\ndata: ${JSON.stringify(data)}\n\n`;
  }
}
