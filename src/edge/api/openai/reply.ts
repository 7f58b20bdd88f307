/**
 * What goes back to an OpenAI client: completion objects, stream chunks and usage. Requests are in request-schemas.ts;
 * the order of a stream's chunks is in stream.ts.
 */
import type * as z from "zod";
import type { Copied } from "../../../core/speculate/round.ts";
import type { AnswerContent } from "../../prompt/answer-content.ts";
import type { FinishReason, Head, Outcome, Timings } from "../outcome.ts";
import type { chatLogprobsSchema, textLogprobsSchema } from "./logprobs.ts";

/** As logprobs.ts makes them; null where nothing was asked. */
export type ChoiceLogprobs = z.infer<typeof chatLogprobsSchema> | z.infer<typeof textLogprobsSchema>;

export function usage({
  timings: { cache_n, prompt_n, predicted_n },
  prediction,
}: Pick<Outcome, "timings" | "prediction">) {
  return {
    prompt_tokens: cache_n + prompt_n,
    completion_tokens: predicted_n,
    total_tokens: cache_n + prompt_n + predicted_n,
    prompt_tokens_details: { cached_tokens: cache_n },
    ...(prediction && { completion_tokens_details: predictionUsage(prediction) }),
  };
}

export const predictionUsage = ({ kept, drafted }: Copied) => ({
  accepted_prediction_tokens: kept,
  rejected_prediction_tokens: drafted - kept,
});

/** The id of a call of an answer: its own among all answers. */
export const callId = ({ id, index }: Head, call: number): string =>
  `call_${id.replace(/^\w+-/, "")}${[index ?? 0, call].map((number) => number.toString(16).padStart(2, "0")).join("")}`;

/** A chat answer as a message. One that only calls has no content. */
function messageOf(head: Head, { text, calls }: AnswerContent) {
  const content = text === "" && calls.length > 0 ? null : text;
  const tool_calls = calls.map(({ name, arguments: given }, at) => ({
    id: callId(head, at),
    type: "function",
    function: { name, arguments: given },
  }));
  return { role: "assistant", content, refusal: null, ...(tool_calls.length > 0 && { tool_calls }) };
}

/** A choice of an answer that is not streamed. */
export function choiceObject(
  head: Head,
  content: AnswerContent,
  echo: string,
  finish: FinishReason,
  logprobs: ChoiceLogprobs,
) {
  const index = head.index ?? 0;
  const said = head.kind === "chat" ? { message: messageOf(head, content) } : { text: echo + content.text };
  return { index, ...said, logprobs, finish_reason: finish };
}

/** What an answer that is not streamed begins with. */
export const completionHead = ({ kind, id, created, model }: Head) => ({
  id,
  object: kind === "chat" ? "chat.completion" : "text_completion",
  created,
  model,
});

/** What the last chunk, or an answer that is not streamed, ends with: of several choices together, the prompt once. */
export function endOf(outcomes: readonly Outcome[]) {
  const [first] = outcomes as [Outcome];
  const end = { usage: usage(first), timings: first.timings, outrider: first.account };
  if (outcomes.length === 1) return end;
  const completion = outcomes.reduce((sum, { timings }) => sum + timings.predicted_n, 0);
  const total = end.usage.prompt_tokens + completion;
  return {
    usage: { ...end.usage, completion_tokens: completion, total_tokens: total },
    timings: first.timings,
    outrider: { ...first.account, seeds: outcomes.map(({ account }) => account.seed) },
  };
}

/** What a chunk adds to a message. */
export interface Delta {
  readonly role?: "assistant";
  readonly content?: string | null;
  readonly tool_calls?: readonly {
    readonly index: number;
    readonly id?: string;
    readonly type?: "function";
    readonly function: { readonly name?: string; readonly arguments: string };
  }[];
}

/** One chunk of a stream. `delta` null makes the chunk without choices that carries usage alone. */
export function chunk(
  head: Head,
  delta: Delta | null,
  extra: {
    finish?: FinishReason;
    usage?: ReturnType<typeof usage> | null;
    timings?: Timings;
    outrider?: object;
    logprobs?: ChoiceLogprobs;
  } = {},
) {
  const finish_reason = extra.finish ?? null;
  const logprobs = extra.logprobs ?? null;
  const choice =
    head.kind === "chat"
      ? { index: head.index ?? 0, delta, logprobs, finish_reason }
      : { index: head.index ?? 0, text: delta?.content ?? "", logprobs, finish_reason };
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
