/**
 * How an answer is written to a client of the Responses API. OpenAI's SDK follows the events one by one and stops at
 * the first that is out of order: the response, its item, the item's part, the part's text, and all of them closed
 * again from the inside out. Each event says its number and, where it belongs to an item, the item's id and place.
 */
import type { Generation } from "../openai.ts";
import { errorBody, type Head, type Outcome } from "../reply.ts";
import { type Form, HeldForm, type Piece, pieceOf, type ShownToken } from "../stream.ts";
import { logprobsOf, messageItem, type ResponseObject, responseObject, storedObject, textPart } from "./object.ts";
import type { ResponsesDialect } from "./request.ts";

/** Is told of an answer that came to its end: what is to be stored of it. */
type Ended = (response: ResponseObject, text: string) => void;

type Asked = Pick<Generation, "stream" | "trace">;

export const responsesForm = (head: Head, dialect: ResponsesDialect, asked: Asked, ended: Ended): Form =>
  asked.stream
    ? new ResponseEvents(head, dialect, asked.trace, ended)
    : new HeldForm((tokens, outcome) => {
        ended(storedObject(head, dialect, tokens, outcome), pieceOf(tokens).text);
        return responseObject(head, dialect, { tokens, outcome, trace: asked.trace });
      });

/** Where the one message of a response and the one part of that message are. */
const ITEM = { output_index: 0 };
const PART = { ...ITEM, content_index: 0 };

class ResponseEvents implements Form {
  readonly contentType = "text/event-stream; charset=utf-8";
  readonly #head: Head;
  readonly #dialect: ResponsesDialect;
  readonly #ended: Ended;
  #number = 0;
  readonly #trace: boolean;
  readonly #tokens: ShownToken[] = [];

  constructor(head: Head, dialect: ResponsesDialect, trace: boolean, ended: Ended) {
    this.#head = head;
    this.#dialect = dialect;
    this.#trace = trace;
    this.#ended = ended;
  }

  begin(): string {
    const response = responseObject(this.#head, this.#dialect, null);
    const item = messageItem(this.#dialect.id, "in_progress", []);
    return [
      this.#event("response.created", { response }),
      this.#event("response.in_progress", { response }),
      this.#event("response.output_item.added", { ...ITEM, item }),
      this.#event("response.content_part.added", { ...this.#part, part: textPart([]) }),
    ].join("");
  }

  piece({ text, tokens }: Piece): string {
    this.#tokens.push(...tokens);
    const logprobs = logprobsOf(tokens);
    if (text === "" && logprobs.length === 0) return "";
    return this.#event("response.output_text.delta", { ...this.#part, delta: text, logprobs });
  }

  end(outcome: Outcome): string {
    const tokens = this.#tokens;
    const part = textPart(tokens);
    const { text, logprobs } = part;
    const response = responseObject(this.#head, this.#dialect, { tokens, outcome, trace: this.#trace });
    this.#ended(storedObject(this.#head, this.#dialect, tokens, outcome), text);
    const [item] = response.output;
    return [
      this.#event("response.output_text.done", { ...this.#part, text, logprobs }),
      this.#event("response.content_part.done", { ...this.#part, part }),
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
