/**
 * How an answer is written to a client of Anthropic's Messages API: blocks of text and of calls, and events that open
 * and close them one after the other.
 */
import type { AnswerDelta } from "../../../core/calls/family.ts";
import type { AnswerContent } from "../../prompt/answer-content.ts";
import type { Generation } from "../../prompt/generation.ts";
import { errorFields } from "../error-response.ts";
import { callId, predictionUsage } from "../openai/reply.ts";
import {
  AnswerBuffer,
  accountOf,
  type Completion,
  DocumentForm,
  deltasOf,
  type Form,
  type Piece,
} from "../openai/stream.ts";
import type { FinishReason, Head, Outcome } from "../outcome.ts";

export const messagesForm = (head: Head, { stream, trace }: Pick<Generation, "stream" | "trace">): Form =>
  stream ? new MessageEvents(head, trace) : new DocumentForm(trace, (completion) => message(head, completion));

/** A stop string ends an answer as its own end does: the core does not say which of the two it was. */
const REASONS: Readonly<Record<FinishReason, string>> = {
  stop: "end_turn",
  length: "max_tokens",
  tool_calls: "tool_use",
};

/** @param completion null for one that has no answer yet */
function message(head: Head, completion: Completion | null) {
  const { id, model } = head;
  const outcome = completion?.outcome ?? null;
  return {
    id: id.replace(/^chatcmpl-/, "msg_"),
    type: "message",
    role: "assistant",
    model,
    content: completion ? blocksOf(head, completion.content) : [],
    stop_reason: outcome && REASONS[outcome.finish],
    stop_sequence: null,
    usage: outcome ? usage(outcome) : { input_tokens: 0, output_tokens: 0 },
    ...(completion && { timings: completion.outcome.timings, outrider: accountOf(completion) }),
  };
}

/** An answer that says nothing is an empty text. */
function blocksOf(head: Head, { parts }: AnswerContent) {
  if (parts.length === 0) return [{ type: "text", text: "" }];
  let calls = 0;
  return parts.map((part) =>
    part.kind === "text"
      ? { type: "text", text: part.text }
      : { ...toolUse(head, calls++, part.name), input: inputOf(part.arguments) },
  );
}

const toolUse = (head: Head, call: number, name: string) => ({
  type: "tool_use",
  id: callId(head, call).replace("call_", "toolu_"),
  name,
  input: {},
});

/** Here arguments are a value: those that broke off, or are no JSON, stand as text under a name of their own. */
function inputOf(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch {
    return { unparsed: json };
  }
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

class MessageEvents implements Form {
  readonly contentType = "text/event-stream; charset=utf-8";
  readonly #head: Head;
  readonly #trace: boolean;
  readonly #buffer = new AnswerBuffer();
  /** The block that is open, and its place. */
  #open: "text" | "call" | null = null;
  #index = -1;

  constructor(head: Head, trace: boolean) {
    this.#head = head;
    this.#trace = trace;
  }

  begin(): string {
    return event("message_start", { message: message(this.#head, null) });
  }

  piece(piece: Piece): string {
    this.#buffer.push(piece);
    return deltasOf(piece)
      .map((delta) => this.#write(delta))
      .join("");
  }

  #write(delta: AnswerDelta): string {
    switch (delta.kind) {
      case "text": {
        const start = this.#open === "text" ? "" : this.#start("text", { type: "text", text: "" });
        return start + this.#delta({ type: "text_delta", text: delta.text });
      }
      case "call":
        return this.#start("call", toolUse(this.#head, delta.index, delta.name));
      case "arguments":
        return this.#delta({ type: "input_json_delta", partial_json: delta.text });
    }
  }

  #start(open: "text" | "call", block: object): string {
    const stop = this.#stop();
    this.#open = open;
    this.#index++;
    return stop + event("content_block_start", { index: this.#index, content_block: block });
  }

  #delta(delta: object): string {
    return event("content_block_delta", { index: this.#index, delta });
  }

  #stop(): string {
    return this.#open === null ? "" : event("content_block_stop", { index: this.#index });
  }

  end(outcome: Outcome): string {
    const completion = this.#buffer.completion(outcome, this.#trace);
    const { stop_reason, stop_sequence, usage: used, timings, outrider } = message(this.#head, completion);
    const delta = { delta: { stop_reason, stop_sequence }, usage: used, timings, outrider };
    const empty = this.#open === null ? this.#start("text", { type: "text", text: "" }) : "";
    return empty + this.#stop() + event("message_delta", delta) + event("message_stop", {});
  }

  readonly failed = (error: unknown): string => event("error", messagesError(error));
}

/** Anthropic's error object. */
export function messagesError(error: unknown) {
  const { message, status } = errorFields(error);
  const type = ERROR_TYPES[status] ?? (status >= 500 ? "api_error" : "invalid_request_error");
  return { type: "error", error: { type, message } };
}

const ERROR_TYPES: Readonly<Record<number, string>> = {
  401: "authentication_error",
  404: "not_found_error",
  413: "request_too_large",
  429: "rate_limit_error",
};
