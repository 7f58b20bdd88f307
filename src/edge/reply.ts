/**
 * What goes back to an OpenAI client: completion objects, stream chunks, usage, timings and errors.
 * `timings` uses llama.cpp's names, which dashboards already read, plus `draft_n_judged` and `target_passes`; everything else
 * that is ours lies under `outrider`. Requests are in openai.ts; the order of a stream's chunks is in stream.ts.
 */
import { OutriderError } from "../model/errors.ts";

export type FinishReason = "stop" | "length";

/** A decided token and the text it added; `kept` if the drafter had proposed it. */
export interface TracedToken {
  readonly id: number;
  readonly text: string;
  readonly kept: boolean;
}

/** What all objects of one answer share. */
export interface Head {
  readonly kind: "chat" | "text";
  readonly id: string;
  /** Seconds since 1970. */ readonly created: number;
  readonly model: string;
}

export interface Timings {
  /** Prompt tokens that the target already held. */ readonly cache_n: number;
  /** Prompt tokens computed for this answer. */ readonly prompt_n: number;
  /** From the request to the first decided token. */ readonly prompt_ms: number;
  readonly predicted_n: number;
  /** From the first decided token to the last. */ readonly predicted_ms: number;
  readonly predicted_per_second: number;
  /** Tokens proposed, siblings among them. */ readonly draft_n: number;
  /** Places at which the target judged some of these, all before them kept: at most one a place can be right. */
  readonly draft_n_judged: number;
  /** Tokens the target kept. */ readonly draft_n_accepted: number;
  /** Target passes, the prompt's included. */ readonly target_passes: number;
}

/** Our own account of an answer. */
export interface Account {
  /** Ask with this seed again for the same words. */ readonly seed: number;
  /** Who wrote it: the target, or the draft alone where the operator allows that. */ readonly answered_by:
    | "target"
    | "draft";
  /** How long the origin waited for drafts, at most, at the end. */ readonly patience_ms: number;
  /** Prompt tokens whose draft KV state was held or restored rather than computed. */ readonly draft_cache_n: number;
  /** The origin's engine judges no drafts under this sampling; absent where it does. */ readonly undrafted?: true;
  /** What this Session has measured; absent before it has drafted anything. */ readonly measured?: Measured;
}

/** Milliseconds, and shares in [0, 1]. */
export interface Measured {
  readonly round_trip_ms: number;
  /** A target pass over one position, and what each further one adds. */ readonly target_step_ms: number;
  readonly position_ms: number;
  readonly draft_step_ms: number;
  /** Of draft tokens, those kept when all before them were. */ readonly acceptance: number;
  /** Above this round trip an origin that streams decides sooner than one that waits for drafts. */
  readonly break_even_ms: number;
}

export interface Outcome {
  readonly finish: FinishReason;
  readonly timings: Timings;
  readonly account: Account;
}

export function usage({ cache_n, prompt_n, predicted_n }: Timings) {
  return {
    prompt_tokens: cache_n + prompt_n,
    completion_tokens: predicted_n,
    total_tokens: cache_n + prompt_n + predicted_n,
    prompt_tokens_details: { cached_tokens: cache_n },
  };
}

/** The body of an answer that is not streamed. */
export function completion(head: Head, text: string, outcome: Outcome, trace: readonly TracedToken[] | null) {
  const choice =
    head.kind === "chat"
      ? { index: 0, message: { role: "assistant", content: text, refusal: null }, logprobs: null }
      : { index: 0, text, logprobs: null };
  return {
    id: head.id,
    object: head.kind === "chat" ? "chat.completion" : "text_completion",
    created: head.created,
    model: head.model,
    choices: [{ ...choice, finish_reason: outcome.finish }],
    usage: usage(outcome.timings),
    timings: outcome.timings,
    outrider: trace ? { ...outcome.account, tokens: trace } : outcome.account,
  };
}

/** One chunk of a stream. `delta` null makes the chunk without choices that carries usage alone. */
export function chunk(
  head: Head,
  delta: { role?: "assistant"; content?: string } | null,
  extra: { finish?: FinishReason; usage?: ReturnType<typeof usage> | null; timings?: Timings; outrider?: object } = {},
) {
  const finish_reason = extra.finish ?? null;
  const choice =
    head.kind === "chat"
      ? { index: 0, delta, logprobs: null, finish_reason }
      : { index: 0, text: delta?.content ?? "", logprobs: null, finish_reason };
  return {
    id: head.id,
    object: head.kind === "chat" ? "chat.completion.chunk" : "text_completion",
    created: head.created,
    model: head.model,
    choices: delta === null ? [] : [choice],
    ...("usage" in extra && { usage: extra.usage }),
    ...(extra.timings && { timings: extra.timings }),
    ...(extra.outrider && { outrider: extra.outrider }),
  };
}

export const modelObject = (id: string) => ({ id, object: "model", created: 0, owned_by: "outrider" });

/** OpenAI's error object. An error that is not ours says nothing about our insides. */
export function errorBody(error: unknown) {
  const known = error instanceof OutriderError ? error : INTERNAL;
  return { error: { message: known.message, type: errorType(known.status), param: known.param, code: known.code } };
}

const INTERNAL = new OutriderError(
  "internal_error",
  "internal error; the operator finds it in the log by x-request-id",
  {
    status: 500,
  },
);

const errorType = (status: number): string =>
  status === 429 ? "rate_limit_error" : status >= 500 ? "server_error" : "invalid_request_error";

/** Seconds after which a client may try again. */
const RETRY_AFTER = "2";

/** An error as a response. `spent`: target work was done, so SDKs must not repeat the request by themselves. */
export function errorResponse(error: unknown, spent = false): Response {
  const known = error instanceof OutriderError ? error : INTERNAL;
  const headers = new Headers({ "content-type": "application/json" });
  if (spent) headers.set("x-should-retry", "false");
  else if (known.status === 429 || known.status === 503) headers.set("retry-after", RETRY_AFTER);
  return new Response(JSON.stringify(errorBody(error)), { status: known.status, headers });
}
