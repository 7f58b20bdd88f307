/** The objects of the Responses API: a response, its items, usage. */
import type { ChatMessage } from "../../../core/model/chat.ts";
import type { LogprobEntry } from "../openai/logprobs.ts";
import { callId, predictionUsage } from "../openai/reply.ts";
import { accountOf, type Completion, logprobsOf, type WholeAnswer } from "../openai/stream.ts";
import type { Head, Outcome } from "../outcome.ts";
import { itemId } from "./ids.ts";
import type { ResponsesDialect } from "./request.ts";

type Status = "in_progress" | "completed" | "incomplete" | "failed";

export const textPart = (text: string, logprobs: readonly LogprobEntry[]) => ({
  type: "output_text",
  text,
  annotations: [],
  logprobs,
});

/** @param at the place in the output */
export const messageItem = (
  id: string,
  at: number,
  status: Status,
  content: readonly ReturnType<typeof textPart>[],
) => ({
  id: itemId(id, "msg", at),
  type: "message" as const,
  role: "assistant",
  status,
  content,
});

/** A call: its place in the output, which of the answer's calls it is, its tool, and its arguments as JSON. */
interface ItemCall {
  readonly at: number;
  readonly call: number;
  readonly name: string;
  readonly arguments: string;
}

export const callItem = (head: Head, id: string, status: Status, { at, call, name, arguments: given }: ItemCall) => ({
  id: itemId(id, "fc", at),
  type: "function_call" as const,
  call_id: callId(head, call),
  name,
  arguments: given,
  status,
});

export type Item = ReturnType<typeof messageItem> | ReturnType<typeof callItem>;

/** What an answer says, as items. One that says nothing is an empty message; log probabilities are the first one's. */
function itemsOf(head: Head, id: string, status: Status, { tokens, content }: WholeAnswer): Item[] {
  const logprobs = logprobsOf(tokens);
  if (content.parts.length === 0) return [messageItem(id, 0, status, [textPart("", logprobs)])];
  const first = content.parts.findIndex(({ kind }) => kind === "text");
  let call = 0;
  return content.parts.map((part, at) =>
    part.kind === "text"
      ? messageItem(id, at, status, [textPart(part.text, at === first ? logprobs : [])])
      : callItem(head, id, status, { ...part, at, call: call++ }),
  );
}

/** Items of an output as the assistant's message in a conversation. */
export function assistantOf(items: readonly Item[]): ChatMessage {
  const texts: string[] = [];
  const calls: NonNullable<ChatMessage["calls"]>[number][] = [];
  for (const item of items) {
    if (item.type === "message") texts.push(...item.content.map(({ text }) => text));
    else {
      try {
        calls.push({ id: item.call_id, name: item.name, arguments: JSON.parse(item.arguments) });
      } catch {
        // A call that broke off is what the model said, and no call.
        texts.push(item.arguments);
      }
    }
  }
  return { role: "assistant", content: texts.join(""), ...(calls.length > 0 && { calls }) };
}

/**
 * @param completion null for a response that has no answer yet, or never will
 * @param error what broke it, if anything did
 */
export function responseObject(
  head: Head,
  { id, echo }: ResponsesDialect,
  completion: Completion | null,
  error: { readonly code: string; readonly message: string } | null = null,
) {
  const { created, model } = head;
  const cut = completion?.outcome.finish === "length";
  const status: Status = error ? "failed" : completion === null ? "in_progress" : cut ? "incomplete" : "completed";
  return {
    id,
    object: "response",
    created_at: created,
    status,
    background: false,
    error,
    incomplete_details: cut ? { reason: "max_output_tokens" } : null,
    model,
    output: completion === null ? [] : itemsOf(head, id, status, completion),
    ...echo,
    usage: completion === null ? null : usage(completion.outcome),
    ...(completion && { timings: completion.outcome.timings, outrider: accountOf(completion) }),
  };
}

/** A response as it is stored: without log probabilities and trace, which may take a hundred times the text's room. */
export const storedObject = (head: Head, dialect: ResponsesDialect, completion: Completion) => {
  const tokens = completion.tokens.map(({ logprob: _, ...token }) => token);
  return responseObject(head, dialect, { ...completion, tokens, trace: false });
};

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
