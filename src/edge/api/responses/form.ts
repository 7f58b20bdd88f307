/**
 * How an answer is written to a client of the Responses API. OpenAI's SDK follows the events one by one and stops at
 * the first that is out of order: the response, an item, the item's part, the part's text or a call's arguments, and
 * all of them closed again from the inside out before the next item. Each event says its number and, where it belongs
 * to an item, the item's id and place.
 */
import type { AnswerDelta } from "../../../core/calls/family.ts";
import type { Generation } from "../../prompt/generation.ts";
import { unstoredOutcome } from "../../store/storage-failure.ts";
import { errorBody } from "../error-response.ts";
import type { LogprobEntry } from "../openai/logprobs.ts";
import {
  AnswerBuffer,
  type Completion,
  DocumentForm,
  deltasOf,
  type Form,
  logprobsOf,
  type Piece,
} from "../openai/stream.ts";
import type { Head, Outcome } from "../outcome.ts";
import {
  callItem,
  type Item,
  messageItem,
  type ResponseObject,
  responseObject,
  storedObject,
  textPart,
} from "./object.ts";
import { notStored, type ResponsesDialect } from "./request.ts";

/** Stores a response at its end. False where it could not be. */
type Save = (response: ResponseObject) => boolean;

export const responsesForm = (
  head: Head,
  dialect: ResponsesDialect,
  { stream, trace }: Pick<Generation, "stream" | "trace">,
  save: Save,
): Form =>
  stream
    ? new ResponseEvents(head, dialect, trace, save)
    : new DocumentForm(trace, (completion) => savedObject(head, dialect, completion, save));

/** A response at its end. It is stored first, so that it tells whether it was. */
function savedObject(head: Head, dialect: ResponsesDialect, completion: Completion, save: Save) {
  if (save(storedObject(head, dialect, completion))) return responseObject(head, dialect, completion);
  const outcome = unstoredOutcome(completion.outcome);
  return responseObject(head, notStored(dialect), { ...completion, outcome });
}

class ResponseEvents implements Form {
  readonly contentType = "text/event-stream; charset=utf-8";
  readonly #head: Head;
  readonly #dialect: ResponsesDialect;
  readonly #save: Save;
  #number = 0;
  readonly #trace: boolean;
  readonly #buffer = new AnswerBuffer();
  /** Items so far, and the one that is open. */
  #items = 0;
  #open: Item | null = null;
  /** The calls among them. */
  #calls = 0;

  constructor(head: Head, dialect: ResponsesDialect, trace: boolean, save: Save) {
    this.#head = head;
    this.#dialect = dialect;
    this.#trace = trace;
    this.#save = save;
  }

  begin(): string {
    const response = responseObject(this.#head, this.#dialect, null);
    return this.#event("response.created", { response }) + this.#event("response.in_progress", { response });
  }

  piece(piece: Piece): string {
    this.#buffer.push(piece);
    const deltas = deltasOf(piece);
    const logprobs = logprobsOf(piece.tokens);
    // They go with text; a call has no place for them.
    if (logprobs.length > 0 && deltas.length === 0 && this.#open?.type === "message") return this.#text("", logprobs);
    const first = deltas.findIndex(({ kind }) => kind === "text");
    return deltas.map((delta, at) => this.#write(delta, at === first ? logprobs : [])).join("");
  }

  #write(delta: AnswerDelta, logprobs: readonly LogprobEntry[]): string {
    switch (delta.kind) {
      case "text":
        return this.#text(delta.text, logprobs);
      case "call": {
        const closed = this.#close("completed");
        const given = { at: this.#items++, call: this.#calls++, name: delta.name, arguments: "" };
        this.#open = callItem(this.#head, this.#dialect.id, "in_progress", given);
        return closed + this.#event("response.output_item.added", { output_index: given.at, item: this.#open });
      }
      case "arguments": {
        const open = this.#open as Extract<Item, { type: "function_call" }>;
        this.#open = { ...open, arguments: open.arguments + delta.text };
        return this.#event("response.function_call_arguments.delta", { ...this.#place, delta: delta.text });
      }
    }
  }

  #text(text: string, logprobs: readonly LogprobEntry[]): string {
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
    const completion = this.#buffer.completion(outcome, this.#trace);
    const response = savedObject(this.#head, this.#dialect, completion, this.#save);
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
