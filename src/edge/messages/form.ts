/**
 * How an answer is written to a client of Anthropic's Messages API: one block of text, and events that open and close
 * it.
 */
import type { Generation } from "../openai.ts";
import { errorBody, type FinishReason, type Head, type Outcome, predictionUsage } from "../reply.ts";
import { accountOf, type Form, HeldForm, type Piece, pieceOf, type ShownToken } from "../stream.ts";

export const messagesForm = (head: Head, { stream, trace }: Pick<Generation, "stream" | "trace">): Form =>
  stream
    ? new MessageEvents(head, trace)
    : new HeldForm((tokens, outcome) => message(head, { tokens, outcome, trace }));

/** A stop string ends an answer as its own end does: which of the two it was is not told by the core. */
const REASONS: Readonly<Record<FinishReason, string>> = { stop: "end_turn", length: "max_tokens" };

/** What an answer has come to. */
interface Ended {
  readonly tokens: readonly ShownToken[];
  readonly outcome: Outcome;
  /** Whether the account holds the trace. */
  readonly trace: boolean;
}

/** @param ended null for one that has no answer yet */
function message({ id, model }: Head, ended: Ended | null) {
  const outcome = ended?.outcome ?? null;
  return {
    id: id.replace(/^chatcmpl-/, "msg_"),
    type: "message",
    role: "assistant",
    model,
    content: ended ? [{ type: "text", text: pieceOf(ended.tokens).text }] : [],
    stop_reason: outcome && REASONS[outcome.finish],
    stop_sequence: null,
    usage: outcome ? usage(outcome) : { input_tokens: 0, output_tokens: 0 },
    ...(ended && {
      timings: ended.outcome.timings,
      outrider: accountOf(ended.outcome, ended.tokens, ended.trace),
    }),
  };
}

/** Anthropic counts cached tokens apart from the others. */
const usage = ({ timings: { cache_n, prompt_n, predicted_n }, prediction }: Outcome) => ({
  input_tokens: prompt_n,
  cache_creation_input_tokens: 0,
  cache_read_input_tokens: cache_n,
  output_tokens: predicted_n,
  ...(prediction && predictionUsage(prediction)),
});

const event = (type: string, fields: object): string =>
  `event: ${type}\ndata: ${JSON.stringify({ type, ...fields })}\n\n`;

const INDEX = { index: 0 };

class MessageEvents implements Form {
  readonly contentType = "text/event-stream; charset=utf-8";
  readonly #head: Head;
  readonly #trace: boolean;
  readonly #tokens: ShownToken[] = [];

  constructor(head: Head, trace: boolean) {
    this.#head = head;
    this.#trace = trace;
  }

  begin(): string {
    const start = event("message_start", { message: message(this.#head, null) });
    return start + event("content_block_start", { ...INDEX, content_block: { type: "text", text: "" } });
  }

  piece({ text, tokens }: Piece): string {
    this.#tokens.push(...tokens);
    return text === "" ? "" : event("content_block_delta", { ...INDEX, delta: { type: "text_delta", text } });
  }

  end(outcome: Outcome): string {
    const ended = { tokens: this.#tokens, outcome, trace: this.#trace };
    const { stop_reason, stop_sequence, usage: used, timings, outrider } = message(this.#head, ended);
    const delta = { delta: { stop_reason, stop_sequence }, usage: used, timings, outrider };
    return event("content_block_stop", INDEX) + event("message_delta", delta) + event("message_stop", {});
  }

  readonly failed = (error: unknown): string => event("error", { error: anthropicError(error) });
}

function anthropicError(error: unknown) {
  const { message: said, type } = errorBody(error).error;
  return { type: type === "server_error" ? "api_error" : type, message: said };
}

/** An error response in this API's shape, of one in OpenAI's. */
export async function anthropicFailure(answer: Response): Promise<Response> {
  if (answer.ok) return answer;
  const { error } = (await answer.json()) as { error: { type: string; message: string } };
  const type = ERROR_TYPES[answer.status] ?? (answer.status >= 500 ? "api_error" : "invalid_request_error");
  return Response.json({ type: "error", error: { type, message: error.message } }, answer);
}

const ERROR_TYPES: Readonly<Record<number, string>> = {
  401: "authentication_error",
  404: "not_found_error",
  413: "request_too_large",
  429: "rate_limit_error",
};
