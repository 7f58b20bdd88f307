/**
 * How an answer is written to a client of the Responses API. OpenAI's SDK follows the events one by one and stops at
 * the first that is out of order: the response, its item, the item's part, the part's text, and all of them closed
 * again from the inside out. Each event says its number and, where it belongs to an item, the item's id and place.
 */
import { errorBody, type Head, type Outcome } from "../reply.ts";
import type { Form, Piece } from "../stream.ts";
import { messageItem, type ResponseObject, responseObject, textPart } from "./object.ts";
import type { ResponsesDialect } from "./request.ts";

/** Is told of an answer that came to its end. */
type Ended = (response: ResponseObject, text: string) => void;

export const responsesForm = (head: Head, dialect: ResponsesDialect, stream: boolean, ended: Ended): Form =>
  stream ? new ResponseEvents(head, dialect, ended) : new ResponseDocument(head, dialect, ended);

/** Where the one message of a response and the one part of that message are. */
const ITEM = { output_index: 0 };
const PART = { ...ITEM, content_index: 0 };

class ResponseEvents implements Form {
  readonly contentType = "text/event-stream; charset=utf-8";
  readonly #head: Head;
  readonly #dialect: ResponsesDialect;
  readonly #ended: Ended;
  #number = 0;
  #text = "";

  constructor(head: Head, dialect: ResponsesDialect, ended: Ended) {
    this.#head = head;
    this.#dialect = dialect;
    this.#ended = ended;
  }

  begin(): string {
    const response = responseObject(this.#head, this.#dialect, null);
    const item = messageItem(this.#dialect.id, "in_progress", []);
    return [
      this.#event("response.created", { response }),
      this.#event("response.in_progress", { response }),
      this.#event("response.output_item.added", { ...ITEM, item }),
      this.#event("response.content_part.added", { ...this.#part, part: textPart("") }),
    ].join("");
  }

  piece({ text }: Piece): string {
    if (text === "") return "";
    this.#text += text;
    return this.#event("response.output_text.delta", { ...this.#part, delta: text, logprobs: [] });
  }

  end(outcome: Outcome): string {
    const text = this.#text;
    const response = responseObject(this.#head, this.#dialect, { text, outcome });
    this.#ended(response, text);
    const [item] = response.output;
    return [
      this.#event("response.output_text.done", { ...this.#part, text, logprobs: [] }),
      this.#event("response.content_part.done", { ...this.#part, part: textPart(text) }),
      this.#event("response.output_item.done", { ...ITEM, item }),
      this.#event(`response.${response.status}`, { response }),
    ].join("");
  }

  readonly failed = (error: unknown): string => {
    const { message, code } = errorBody(error).error;
    const response = responseObject(this.#head, this.#dialect, null, { code, message });
    return this.#event("response.failed", { response });
  };

  get #part() {
    return { item_id: messageItem(this.#dialect.id, "in_progress", []).id, ...PART };
  }

  #event(type: string, fields: object): string {
    const data = { type, sequence_number: this.#number++, ...fields };
    return `event: ${type}\ndata: ${JSON.stringify(data)}\n\n`;
  }
}

class ResponseDocument implements Form {
  readonly contentType = "application/json";
  readonly failed = null;
  readonly #head: Head;
  readonly #dialect: ResponsesDialect;
  readonly #ended: Ended;
  #text = "";

  constructor(head: Head, dialect: ResponsesDialect, ended: Ended) {
    this.#head = head;
    this.#dialect = dialect;
    this.#ended = ended;
  }

  begin(): string {
    return "";
  }

  piece({ text }: Piece): string {
    this.#text += text;
    return "";
  }

  end(outcome: Outcome): string {
    const response = responseObject(this.#head, this.#dialect, { text: this.#text, outcome });
    this.#ended(response, this.#text);
    return JSON.stringify(response);
  }
}
