/** One chat request to the running service, and what a client reads of the answer. */
import type { Account, Timings, TracedToken } from "../../src/edge/api/outcome.ts";

export interface ChatOptions {
  /** The real target, unless another is named. */
  readonly model?: string;
  /** `x-session-affinity`: which conversation this is. */
  readonly session?: string;
  /** An API key; none on an open API. */
  readonly key?: string;
  readonly temperature?: number;
  readonly seed?: number;
  readonly maxTokens?: number;
  /** Text that the answer is expected to have. */
  readonly prediction?: string;
  readonly outrider?: Readonly<Record<string, unknown>>;
}

export interface ChatAnswer {
  readonly text: string;
  readonly finish: string;
  readonly timings: Timings;
  readonly outrider: Account & { readonly tokens?: readonly TracedToken[] };
}

export type Message = { readonly role: "system" | "user" | "assistant"; readonly content: string };

/** The response to one request, streamed or not. */
export function postChat(
  url: string,
  messages: readonly Message[],
  options: ChatOptions,
  stream: boolean,
): Promise<Response> {
  return fetch(`${url}/v1/chat/completions`, {
    method: "POST",
    headers: {
      "content-type": "application/json",
      ...(options.session === undefined ? {} : { "x-session-affinity": options.session }),
      ...(options.key && { authorization: `Bearer ${options.key}` }),
    },
    body: JSON.stringify({
      model: options.model ?? "smollm2-135m-instruct",
      messages,
      stream,
      temperature: options.temperature ?? 0,
      seed: options.seed ?? 0,
      max_tokens: options.maxTokens ?? 16,
      ...(options.prediction !== undefined && { prediction: { type: "content", content: options.prediction } }),
      outrider: options.outrider ?? {},
    }),
  });
}

/** Rejects with the service's own message when it refuses. */
export async function chat(url: string, messages: readonly Message[], options: ChatOptions = {}): Promise<ChatAnswer> {
  const response = await postChat(url, messages, options, false);
  // biome-ignore lint/suspicious/noExplicitAny: the shapes are checked in test/edge
  const body = (await response.json()) as any;
  if (!response.ok) throw new Error(`${response.status}: ${body.error?.message}`);
  const [choice] = body.choices;
  return { text: choice.message.content, finish: choice.finish_reason, timings: body.timings, outrider: body.outrider };
}

export const ask = (content: string): Message[] => [{ role: "user", content }];
