/**
 * What goes back to an OpenAI client: completion objects, stream chunks, usage, timings and errors. `timings` uses
 * llama.cpp's names, which dashboards already read, plus `draft_n_judged`, `draft_n_thrown`, `draft_read_n` and
 * `target_passes`; everything else that is ours lies under `outrider`. Requests are in request-schemas.ts; the order
 * of a stream's chunks is in stream.ts.
 */
import * as z from "zod";
import { OutriderError } from "../model/errors.ts";
import type { Copied } from "../speculate/round.ts";
import type { chatLogprobsSchema, textLogprobsSchema } from "./logprobs.ts";
import { sessionPlaceSchema } from "./placement.ts";
import { RateLimited } from "./rate-limited.ts";
import type { Said } from "./said.ts";

/** As logprobs.ts makes them; null where nothing was asked. */
export type ChoiceLogprobs = z.infer<typeof chatLogprobsSchema> | z.infer<typeof textLogprobsSchema>;

export type FinishReason = "stop" | "length" | "tool_calls";

export const tracedTokenSchema = z
  .object({
    id: z.int().describe("Token id of the target's vocabulary."),
    text: z.string().describe("Text that the token added."),
    kept: z.boolean().describe("True for a kept draft token, false for one that only the target chose."),
    pass: z.int().describe("The target pass that decided it, counted from the prompt's, which is 1."),
    rejected: z
      .array(z.string())
      .readonly()
      .optional()
      .describe(
        "Texts of the draft tokens that this pass scored from here on and rejected. So the acceptance rate is the " +
          "number of kept tokens by the number of those that were kept or have this.",
      ),
  })
  .readonly()
  .meta({ id: "TracedToken", description: "A token of the answer and who proposed it." });

export type TracedToken = z.infer<typeof tracedTokenSchema>;

/** What all objects of one answer share. */
export interface Head {
  readonly kind: "chat" | "text";
  readonly id: string;
  /** Seconds since 1970. */
  readonly created: number;
  readonly model: string;
  /** Which of the request's choices it is; the first unless given. */
  readonly index?: number;
}

export const timingsSchema = z
  .object({
    cache_n: z.int().describe("Prompt tokens that the target already held."),
    prompt_n: z.int().describe("Prompt tokens computed for this answer."),
    prompt_ms: z.number().describe("From the request to the first token of the answer, in ms."),
    predicted_n: z.int().describe("Tokens of the answer."),
    predicted_ms: z.number().describe("From the first token of the answer to the last, in ms."),
    predicted_per_second: z.number().describe("Tokens per second between these two."),
    draft_n: z.int().describe("Tokens drafted, siblings included."),
    draft_n_judged: z
      .int()
      .describe(
        "Positions at which the target verified draft tokens after it had kept all before them. At each at most one " +
          "token can be right, so the acceptance rate is `draft_n_accepted / draft_n_judged`.",
      ),
    draft_n_accepted: z.int().describe("Draft tokens that the target kept."),
    draft_n_thrown: z
      .int()
      .describe(
        "Draft steps thrown away: tokens that no pass verified, drafted behind a wrong one or decided before they " +
          "came.",
      ),
    draft_read_n: z
      .int()
      .describe(
        "Tokens of the context that the draft model's last drafts were made from: all of it, or the first and the " +
          "newest tokens while the draft model reads a long prompt.",
      ),
    target_passes: z.int().describe("Forward passes of the target, the prompt's included."),
  })
  .readonly()
  .meta({ id: "Timings", description: "What the answer took, under llama.cpp's names where llama.cpp has one." });

export type Timings = z.infer<typeof timingsSchema>;

const measuredSchema = z
  .object({
    round_trip_ms: z.number().describe("Round trip between Session and origin, in ms."),
    target_step_ms: z.number().describe("A target pass over one position, in ms."),
    position_ms: z.number().describe("What each further position adds to a target pass, in ms."),
    draft_step_ms: z.number().describe("One step of the draft model, in ms."),
    acceptance: z.number().describe("Acceptance rate: share of draft tokens kept when all before them were, 0 to 1."),
    break_even_ms: z
      .number()
      .describe("Above this round trip an origin that streams is faster than one that waits for drafts, in ms."),
  })
  .readonly()
  .meta({ id: "Measured", description: "What the Session has measured so far." });

export type Measured = z.infer<typeof measuredSchema>;

const costSchema = z
  .object({
    draft_step_n: z.int().describe("Steps of the draft model."),
    draft_prefill_n: z.int().describe("Tokens that the draft model read for the answer."),
    cpu_ms: z.number().describe("CPU time of the edge, as computed from these counts, in ms."),
    cpu_spent: z
      .literal(true)
      .optional()
      .describe("Present where the draft's share reached `CPU_MS`: drafting ended, and the target went on alone."),
    rows_written: z.int().describe("Rows of storage written for the answer, their deletion included."),
    stored_bytes: z.int().describe("Bytes of storage that it adds."),
    usd_per_million_tokens: z.number().describe("What Cloudflare asks for a million tokens of such answers, in USD."),
    prices_of: z.string().describe("When its prices were read, as a date."),
  })
  .readonly()
  .meta({ id: "Cost", description: "What an answer used at the edge, and what that costs." });

export type Cost = z.infer<typeof costSchema>;

export const accountSchema = z
  .object({
    seed: z.int().describe("Ask with this seed again for the same text."),
    seeds: z.array(z.int()).optional().describe("With `n` above 1: the seed of each choice."),
    answered_by: z
      .enum(["target", "draft"])
      .describe("`draft` only where no origin answered and the operator set `ALLOW_DRAFT_ONLY`."),
    draft: z.enum(["model", "lookup", "both", "off"]).describe("Who drafted."),
    patience_ms: z.number().describe("How long the origin waited for drafts at most, at the end, in ms."),
    draft_cache_n: z.int().describe("Prompt tokens whose draft KV state was restored rather than computed."),
    undrafted: z
      .literal(true)
      .optional()
      .describe("Present where the origin's engine verifies no drafts under this sampling."),
    unstored: z
      .literal(true)
      .optional()
      .describe(
        "Present where the edge's storage fails: nothing of the answer is kept, and no later request can go on from it.",
      ),
    note: z
      .string()
      .optional()
      .describe(
        "Why drafts were left out, or what they took where they cost time, in words; absent where that is plain.",
      ),
    interrupted: z
      .object({
        times: z.int().describe("Connections to an origin that were lost behind the first token."),
        pause_ms: z.number().describe("How long no token came because of that, in ms."),
        origins: z.int().describe("Origins that decided tokens of this answer."),
      })
      .optional()
      .describe("Present where an origin was lost in the middle of the answer, which went on with the same text."),
    placement: sessionPlaceSchema.optional().describe("Where the Session is, and why there."),
    measured: measuredSchema.optional().describe("Absent before the Session has drafted anything."),
    cost: costSchema.optional().describe("What the answer used at the edge."),
  })
  .readonly()
  .meta({ id: "Account", description: "Outrider's own account of an answer." });

export type Account = z.infer<typeof accountSchema>;

export interface Outcome {
  readonly finish: FinishReason;
  /** Where the client said what it expects. */
  readonly prediction?: Copied | undefined;
  readonly timings: Timings;
  readonly account: Account;
}

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
function messageOf(head: Head, { text, calls }: Said) {
  const content = text === "" && calls.length > 0 ? null : text;
  const tool_calls = calls.map(({ name, arguments: given }, at) => ({
    id: callId(head, at),
    type: "function",
    function: { name, arguments: given },
  }));
  return { role: "assistant", content, refusal: null, ...(tool_calls.length > 0 && { tool_calls }) };
}

/** The body of an answer that is not streamed. */
export function completion(
  head: Head,
  said: Said,
  echo: string,
  outcome: Outcome,
  trace: readonly TracedToken[] | null,
  logprobs: ChoiceLogprobs = null,
) {
  const choice =
    head.kind === "chat"
      ? { index: head.index ?? 0, message: messageOf(head, said), logprobs }
      : { index: head.index ?? 0, text: echo + said.text, logprobs };
  return {
    id: head.id,
    object: head.kind === "chat" ? "chat.completion" : "text_completion",
    created: head.created,
    model: head.model,
    choices: [{ ...choice, finish_reason: outcome.finish }],
    usage: usage(outcome),
    timings: outcome.timings,
    outrider: trace ? { ...outcome.account, tokens: trace } : outcome.account,
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

/** An error as a response, before anything of an answer was sent. */
export function errorResponse(error: unknown): Response {
  const known = error instanceof OutriderError ? error : INTERNAL;
  const headers = new Headers({ "content-type": "application/json" });
  if (known.status === 429 || known.status === 503) headers.set("retry-after", RETRY_AFTER);
  if (error instanceof RateLimited) for (const [name, value] of Object.entries(error.headers)) headers.set(name, value);
  return new Response(JSON.stringify(errorBody(error)), { status: known.status, headers });
}
