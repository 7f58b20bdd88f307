/** The objects of the Responses API: a response, its one message, usage. */
import type { ToldToken } from "../logprobs.ts";
import { type Head, type Outcome, predictionUsage } from "../reply.ts";
import { accountOf, pieceOf, type ShownToken } from "../stream.ts";
import { messageId } from "./ids.ts";
import type { ResponsesDialect } from "./request.ts";

type Status = "in_progress" | "completed" | "incomplete" | "failed";

interface Ended {
  readonly tokens: readonly ShownToken[];
  readonly outcome: Outcome;
  /** Whether the account holds the trace. */
  readonly trace: boolean;
}

export const textPart = (tokens: readonly ShownToken[]) => ({
  type: "output_text",
  text: pieceOf(tokens).text,
  annotations: [],
  logprobs: logprobsOf(tokens),
});

/** None unless they were asked for. */
export const logprobsOf = (tokens: readonly ShownToken[]): ToldToken[] => tokens.flatMap(({ told }) => told ?? []);

export const messageItem = (id: string, status: Status, content: readonly object[]) => ({
  id: messageId(id),
  type: "message",
  role: "assistant",
  status,
  content,
});

/**
 * @param ended null for a response that has no answer yet, or never will
 * @param error what broke it, if anything did
 */
export function responseObject(
  { created, model }: Head,
  { id, echo }: ResponsesDialect,
  ended: Ended | null,
  error: { readonly code: string; readonly message: string } | null = null,
) {
  const cut = ended?.outcome.finish === "length";
  const status: Status = error ? "failed" : ended === null ? "in_progress" : cut ? "incomplete" : "completed";
  return {
    id,
    object: "response",
    created_at: created,
    status,
    background: false,
    error,
    incomplete_details: cut ? { reason: "max_output_tokens" } : null,
    model,
    output: ended === null ? [] : [messageItem(id, status, [textPart(ended.tokens)])],
    ...echo,
    usage: ended === null ? null : usage(ended.outcome),
    ...(ended && {
      timings: ended.outcome.timings,
      outrider: accountOf(ended.outcome, ended.tokens, ended.trace),
    }),
  };
}

/** A response as it is stored: without log probabilities and trace, which may take a hundred times the text's room. */
export const storedObject = (head: Head, dialect: ResponsesDialect, tokens: readonly ShownToken[], outcome: Outcome) =>
  responseObject(head, dialect, { tokens: tokens.map(({ told: _, ...token }) => token), outcome, trace: false });

export type ResponseObject = ReturnType<typeof responseObject>;

function usage({ timings: { cache_n, prompt_n, predicted_n }, prediction }: Outcome) {
  const input = cache_n + prompt_n;
  return {
    input_tokens: input,
    input_tokens_details: { cached_tokens: cache_n, cache_write_tokens: 0 },
    output_tokens: predicted_n,
    output_tokens_details: { reasoning_tokens: 0, ...(prediction && predictionUsage(prediction)) },
    total_tokens: input + predicted_n,
  };
}
