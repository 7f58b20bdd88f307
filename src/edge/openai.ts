/**
 * OpenAI's request shapes → our `Generation`. Loose: fields we do not know are ignored, as clients expect; fields that
 * would change the answer and that we cannot honour are refused with a sentence, never silently dropped.
 * What goes back is in reply.ts. No other file reads OpenAI's request fields.
 */
import * as z from "zod";
import type { ChatMessage } from "../model/chat.ts";
import { OutriderError } from "../model/errors.ts";
import type { Rule, Sampling } from "../speculate/types.ts";
import { MAX_DRAFT } from "../verify/protocol.ts";
import { predictionSchema, predictionText } from "./prediction.ts";

/** As many as OpenAI takes. Each costs the template some steps, whatever it says. */
const MAX_MESSAGES = 2048;
const MAX_STOPS = 4;
const MAX_STOP_CHARS = 256;
/** OpenAI's default for `/v1/completions`; chat answers run to the end of the context unless limited. */
const COMPLETION_TOKENS = 16;

export type DraftKind = "model" | "lookup" | "both" | "off";

/** One answer to make, in our words. Plain data: it crosses from the Worker to the Session as JSON. */
export interface Generation {
  readonly model: string;
  readonly input:
    | { readonly kind: "chat"; readonly messages: readonly ChatMessage[] }
    | { readonly kind: "text"; readonly prompt: string | readonly number[] }
    /** What is between `prompt` and `suffix` is asked for. */
    | { readonly kind: "fill"; readonly prompt: string; readonly suffix: string };
  readonly sampling: Sampling;
  readonly rule: Rule;
  /** Strings that end the answer and are not part of it. */
  readonly stop: readonly string[];
  /** Tokens to decide at most; null: to the end of the context. */
  readonly maxTokens: number | null;
  readonly stream: boolean;
  readonly includeUsage: boolean;
  /** What the client expects as the answer, if it says so. */
  readonly prediction: string | null;
  readonly draft: {
    /** Null: the best that this deployment has. */
    readonly kind: DraftKind | null;
    /** Longest draft; null leaves it to the window policy. */
    readonly max: number | null;
    /** Stop drafting below this confidence; null leaves it to the window policy. */
    readonly fallback: number | null;
    /** How long the origin waits for a draft, ms; null: as the operator prefers. */
    readonly patience: number | null;
  };
  /** Tell per token whether it was a kept draft. */
  readonly trace: boolean;
  /** What the client calls this conversation, if it does. */
  readonly cacheKey: string | null;
}

const partSchema = z.object({
  type: z.string().describe("Only `text` is supported."),
  text: z.string().optional().describe("The text of the part."),
});

const messageSchema = z
  .object({
    role: z.string().describe("`system`, `developer` (read as `system`), `user` or `assistant`."),
    content: z
      .union([z.string(), z.array(partSchema)], { error: "must be a string or an array of text parts" })
      .describe("Text, or an array of text parts that are joined."),
  })
  .meta({ id: "Message", description: "One message of the conversation." });

/**
 * BiLD's rollback threshold where a request names none: tokens of a probability of at least 0.22 are kept. At the 3 of
 * the paper's experiments a sixth of the default pair's tokens change and its sums come out wrong (docs/log.md, "BiLD's
 * frontier", 2026-11-27).
 */
const ALPHA_ROLLBACK = 1.5;

const outriderSchema = z
  .strictObject({
    draft: z
      .enum(["model", "lookup", "both", "off"])
      .nullish()
      .describe(
        "Who drafts. `model`: the draft model. `lookup`: copies from the conversation itself. `both`: for each " +
          "token, whichever of the two is more confident. `off`: nobody. Default: `both`, which is `lookup` where " +
          "the deployment has no draft model; `model` is refused there.",
      ),
    rule: z
      .enum(["exact", "bild"])
      .nullish()
      .describe(
        "How the target verifies. `exact` keeps a draft token only if it is the target's own choice. `bild` also " +
          "keeps tokens that the target finds probable enough (Kim et al. 2023): fewer passes, another text. " +
          "Default `exact`.",
      ),
    alpha_fallback: z
      .number()
      .min(0)
      .max(1)
      .nullish()
      .describe("The drafter stops below this confidence. Default: the edge decides."),
    alpha_rollback: z
      .number()
      .min(0)
      .nullish()
      .describe("`bild` keeps a draft token whose negative log-probability is at most this. Default 1.5."),
    patience_ms: z
      .number()
      .min(0)
      .max(600_000)
      .nullish()
      .describe(
        "How long the origin waits for a draft before it decodes by itself, in ms. Default: as the operator's " +
          "`PREFER` says.",
      ),
    max_draft: z
      .int()
      .min(0)
      .max(MAX_DRAFT)
      .nullish()
      .describe("Longest draft in tokens, siblings included. Default: the edge decides."),
    trace: z.boolean().nullish().describe("Return for each token whether it was a kept draft token."),
  })
  .meta({ id: "OutriderOptions", description: "Everything that is Outrider's own and not OpenAI's." });

const common = {
  model: z.string().min(1).describe("The id that `GET /v1/models` returns."),
  temperature: z.number().min(0).max(2).nullish().describe("0 is greedy. Default 1."),
  top_p: z.number().min(0).max(1).nullish().describe("Keep the likeliest tokens up to this probability. Default 1."),
  top_k: z.int().min(0).nullish().describe("Keep this many likeliest tokens. 0 keeps all. Default 0."),
  min_p: z
    .number()
    .min(0)
    .max(1)
    .nullish()
    .describe("Drop tokens less probable than this share of the likeliest token's probability. Default 0."),
  seed: z
    .int()
    .nullish()
    .describe(
      "The same seed gives the same text, with drafts on or off. Default: random, returned as `outrider.seed`.",
    ),
  stop: z
    .union(
      [
        z.string().max(MAX_STOP_CHARS),
        z.array(z.string().max(MAX_STOP_CHARS)).max(MAX_STOPS, `at most ${MAX_STOPS} stop strings`),
      ],
      { error: `must be a string or at most ${MAX_STOPS} strings, each of at most ${MAX_STOP_CHARS} characters` },
    )
    .nullish()
    .describe("Strings that end the answer and are not part of it."),
  max_tokens: z
    .int()
    .min(1)
    .nullish()
    .describe(`Most tokens of the answer. Default: chat to the end of the context, completions ${COMPLETION_TOKENS}.`),
  stream: z.boolean().nullish().describe("Answer as server-sent events. Default false."),
  stream_options: z
    .object({ include_usage: z.boolean().nullish().describe("Send usage in a last chunk of its own.") })
    .nullish()
    .describe("Options of a stream."),
  prompt_cache_key: z
    .string()
    .nullish()
    .describe("Names the conversation, so that its Session is found again. `x-session-affinity` wins over it."),
  prediction: predictionSchema.nullish().describe("What the answer will probably be; drafts are copied from it."),
  outrider: outriderSchema.nullish().describe("Outrider's own options."),
};

const chatSchema = z
  .object({
    messages: z
      .array(messageSchema)
      .min(1, "must hold at least one message")
      .max(MAX_MESSAGES, `must hold at most ${MAX_MESSAGES} messages`)
      .describe(`The conversation so far, in at most ${MAX_MESSAGES} messages.`),
    ...common,
    max_completion_tokens: z.int().min(1).nullish().describe("OpenAI's newer name of `max_tokens`; wins over it."),
  })
  .meta({ id: "ChatRequest", description: "Body of `POST /v1/chat/completions`." });

const token = z.int().min(0);
const completionSchema = z
  .object({
    prompt: z
      .union([z.string(), z.array(token), z.array(z.string()), z.array(z.array(token))], {
        error: "must be a string or an array of token ids",
      })
      .describe("Text or token ids. One prompt a request."),
    suffix: z
      .string()
      .nullish()
      .describe(
        "Text behind the answer: the model fills in what is between `prompt`, as text, and `suffix`. Refused for a " +
          "model that has no tokens for it. Empty is as none.",
      ),
    ...common,
  })
  .meta({ id: "CompletionRequest", description: "Body of `POST /v1/completions`." });

/**
 * Fields that would change the answer in ways we cannot. Values that ask for nothing pass, and so do those in `except`.
 * A route that knows a field takes it.
 */
export const REFUSED: readonly { field: string; why: string; except?: readonly unknown[] }[] = [
  { field: "n", why: "only one choice a request is made", except: [1] },
  { field: "best_of", why: "only one choice a request is made", except: [1] },
  { field: "tools", why: "tool calls are not supported" },
  { field: "functions", why: "function calls are not supported" },
  { field: "response_format", why: "only text is supported", except: [{ type: "text" }] },
  {
    field: "logprobs",
    why: "log probabilities do not cross the network; use outrider.trace to see which tokens were drafted",
  },
  { field: "top_logprobs", why: "log probabilities do not cross the network" },
  { field: "logit_bias", why: "token biases are not supported" },
  { field: "presence_penalty", why: "penalties are not supported" },
  { field: "frequency_penalty", why: "penalties are not supported" },
  { field: "modalities", why: "only text is supported", except: [["text"]] },
  { field: "audio", why: "only text is supported" },
  { field: "web_search_options", why: "web search is not supported" },
  { field: "echo", why: "the prompt is not echoed" },
  { field: "suffix", why: "a conversation has none; `/v1/completions` fills in" },
];

/**
 * Parses the body of `POST /v1/chat/completions`. `randomSeed` is used where the client gave none. Throws a 400 with
 * `param`.
 */
export function parseChat(body: unknown, randomSeed: () => number): Generation {
  const request = parse(chatSchema, body);
  const messages = request.messages.map((message, i): ChatMessage => {
    const at = `messages[${i}]`;
    return { role: role(message.role, at), content: text(message.content, at) };
  });
  return generation(
    request,
    { kind: "chat", messages },
    request.max_completion_tokens ?? request.max_tokens,
    randomSeed,
  );
}

/** Parses the body of `POST /v1/completions`. */
export function parseCompletion(body: unknown, randomSeed: () => number): Generation {
  const request = parse(completionSchema, body);
  const maxTokens = request.max_tokens ?? COMPLETION_TOKENS;
  return generation(request, completionInput(request.prompt, request.suffix ?? ""), maxTokens, randomSeed);
}

function completionInput(given: z.infer<typeof completionSchema>["prompt"], suffix: string): Generation["input"] {
  // A hole may be at the beginning of a file.
  if (suffix !== "" && given === "") return { kind: "fill", prompt: "", suffix };
  const prompt = onePrompt(given);
  if (suffix === "") return { kind: "text", prompt };
  if (typeof prompt === "string") return { kind: "fill", prompt, suffix };
  throw new OutriderError("invalid_request", "suffix: needs a prompt of text, not of token ids", { param: "suffix" });
}

function generation(
  request: z.infer<z.ZodObject<typeof common>>,
  input: Generation["input"],
  maxTokens: number | null | undefined,
  randomSeed: () => number,
): Generation {
  const options = request.outrider ?? {};
  const seed = request.seed == null ? randomSeed() : Number(BigInt.asUintN(32, BigInt(request.seed)));
  const bild = options.rule === "bild";
  return {
    model: request.model,
    input,
    sampling: {
      temperature: request.temperature ?? 1,
      topK: request.top_k ?? 0,
      // OpenAI allows 0, meaning the likeliest token alone; our sampler wants a mass above 0 and then keeps just that
      // one.
      topP: Math.max(request.top_p ?? 1, 1e-9),
      minP: request.min_p ?? 0,
      seed,
    },
    rule: bild ? { kind: "bild", alphaRollback: options.alpha_rollback ?? ALPHA_ROLLBACK } : { kind: "exact" },
    stop: [request.stop ?? []].flat().filter((stop) => stop !== ""),
    maxTokens: maxTokens ?? null,
    stream: request.stream ?? false,
    includeUsage: request.stream_options?.include_usage ?? false,
    draft: {
      kind: options.draft ?? null,
      max: options.max_draft ?? null,
      fallback: options.alpha_fallback ?? null,
      patience: options.patience_ms ?? null,
    },
    prediction: request.prediction == null ? null : predictionText(request.prediction),
    trace: options.trace ?? false,
    cacheKey: request.prompt_cache_key || null,
  };
}

function parse<T extends z.ZodObject>(schema: T, body: unknown): z.infer<T> {
  if (typeof body !== "object" || body === null || Array.isArray(body)) {
    throw new OutriderError("invalid_request", "the body must be a JSON object");
  }
  for (const { field, why, except = [] } of REFUSED) {
    if (field in schema.shape) continue;
    const value = (body as Record<string, unknown>)[field];
    if (asksForNothing(value) || except.some((fine) => JSON.stringify(fine) === JSON.stringify(value))) continue;
    throw new OutriderError("unsupported_parameter", `${field}: ${why}; leave ${field} out`, { param: field });
  }
  const parsed = schema.safeParse(body);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  const param = path(issue?.path ?? []);
  throw new OutriderError("invalid_request", `${param}: ${issue?.message ?? "is not valid"}`, { param });
}

const asksForNothing = (value: unknown): boolean =>
  !value || (typeof value === "object" && Object.keys(value).length === 0);

/** ["messages", 0, "role"] → "messages[0].role", as OpenAI writes it. */
const path = (keys: readonly PropertyKey[]): string =>
  keys.reduce<string>(
    (all, key) => (typeof key === "number" ? `${all}[${key}]` : all ? `${all}.${String(key)}` : String(key)),
    "",
  );

function role(name: string, at: string): ChatMessage["role"] {
  if (name === "system" || name === "developer") return "system";
  if (name === "user" || name === "assistant") return name;
  const param = `${at}.role`;
  if (name === "tool" || name === "function") {
    throw new OutriderError("unsupported_value", `${param}: tool calls are not supported`, { param });
  }
  throw new OutriderError(
    "invalid_request",
    `${param}: must be system, developer, user or assistant, got ${JSON.stringify(name)}`,
    { param },
  );
}

function text(content: string | readonly { type: string; text?: string | undefined }[], at: string): string {
  if (typeof content === "string") return content;
  return content
    .map((part, i) => {
      const param = `${at}.content[${i}]`;
      if (part.type !== "text") {
        throw new OutriderError(
          "unsupported_value",
          `${param}: only text parts are supported, got ${JSON.stringify(part.type)}`,
          { param },
        );
      }
      if (part.text === undefined) throw new OutriderError("invalid_request", `${param}.text: is missing`, { param });
      return part.text;
    })
    .join("");
}

function onePrompt(
  prompt: string | readonly number[] | readonly string[] | readonly number[][],
): string | readonly number[] {
  const refuse = (message: string) => new OutriderError("invalid_request", `prompt: ${message}`, { param: "prompt" });
  if (prompt.length === 0) throw refuse("must not be empty");
  if (typeof prompt === "string") return prompt;
  const first = prompt[0] as number | string | readonly number[];
  if (typeof first === "number") return prompt as readonly number[];
  if (prompt.length > 1) throw refuse(`one prompt a request, got ${prompt.length}`);
  if (first.length === 0) throw refuse("must not be empty");
  return first;
}
