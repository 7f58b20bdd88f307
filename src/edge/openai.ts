/**
 * OpenAI's request shapes → our `Generation`. What becomes of each field, also of those that no schema here reads,
 * stands in fields.ts: none is dropped in silence.
 * What goes back is in reply.ts. No other file reads OpenAI's request fields.
 */
import * as z from "zod";
import type { ConstraintSource } from "../grammar/source.ts";
import type { ChatMessage } from "../model/chat.ts";
import { OutriderError } from "../model/errors.ts";
import type { Shaping } from "../speculate/shaping.ts";
import type { Rule, Sampling } from "../speculate/types.ts";
import { MAX_BIAS, MAX_DRAFT, MAX_LOGPROBS, MAX_SHAPED } from "../verify/protocol.ts";
import { checkedBody, objectOf } from "./checked-body.ts";
import { MAX_CHOICES } from "./choice-limit.ts";
import { CONSTRAINT_FIELDS, constraintOf } from "./constraint.ts";
import { checkFields } from "./fields.ts";
import { predictionSchema, predictionText } from "./prediction.ts";
import { seedOf, seedSchema } from "./seed.ts";
import { shapingOf } from "./shaping.ts";
import { callsOf, MESSAGE_FIELDS, type Offer, offerOf, TOOL_FIELDS } from "./tools.ts";

/** As many as OpenAI takes. Each costs the template some steps, whatever it says. */
const MAX_MESSAGES = 2048;
export const MAX_STOPS = 4;
export const MAX_STOP_CHARS = 256;
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
  /** What changes the target's logits; null: nothing does. Where the answer begins is not known here. */
  readonly shaping: Omit<Shaping, "from"> | null;
  /** The form that the answer must have; null: any text. */
  readonly constraint: ConstraintSource | null;
  /** Tools that the answer may call; null: none. */
  readonly offer: Offer | null;
  /** How many of the likeliest tokens to tell of each position, beside the one that was chosen; null: tell nothing. */
  readonly logprobs: number | null;
  readonly rule: Rule;
  /** Tokens that end the answer, beside the model's own. */
  readonly stopIds: readonly number[];
  /** The model's own ends do not end the answer. */
  readonly ignoreEos: boolean;
  /** The answer begins with the prompt. */
  readonly echo: boolean;
  /** Strings that end the answer and are not part of it. */
  readonly stop: readonly string[];
  /** Tokens to decide at most; null: to the end of the context. */
  readonly maxTokens: number | null;
  /** Answers to make, and which of them this one is. */
  readonly n: number;
  readonly choice: number;
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
    role: z.string().describe("`system`, `developer` (read as `system`), `user`, `assistant` or `tool`."),
    content: z
      .union([z.string(), z.array(partSchema)], { error: "must be a string or an array of text parts" })
      .nullish()
      .describe("Text, or an array of text parts that are joined. Null is an empty text, for `assistant` only."),
    ...MESSAGE_FIELDS,
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

/** Tokens that a request may name as ends. */
const MAX_STOP_IDS = 64;

const tokenSchema = z.int().min(0).max(0xffffffff);
const biasAmount = z.number().min(-MAX_BIAS).max(MAX_BIAS);
const MOST_BIASES = `names more than ${MAX_SHAPED} tokens`;
const biasSchema = z.union(
  [
    z
      .record(z.string().regex(/^\d{1,10}$/), biasAmount)
      .refine((record) => Object.keys(record).length <= MAX_SHAPED, MOST_BIASES),
    z.array(z.tuple([tokenSchema, z.union([biasAmount, z.literal(false)])])).max(MAX_SHAPED, MOST_BIASES),
  ],
  { error: `must be an object of token ids with numbers from -${MAX_BIAS} to ${MAX_BIAS}, or an array of such pairs` },
);
const penalty = (what: string) =>
  z.number().min(-2).max(2).nullish().describe(`Taken from the logit of ${what}. Default 0.`);

const common = {
  model: z.string().min(1).describe("The id that `GET /v1/models` returns."),
  temperature: z.number().min(0).max(2).nullish().describe("0 is greedy. Default 1."),
  top_p: z.number().min(0).max(1).nullish().describe("Keep the likeliest tokens up to this probability. Default 1."),
  top_k: z.int().min(-1).nullish().describe("Keep this many likeliest tokens. 0 and -1 keep all. Default 0."),
  min_p: z
    .number()
    .min(0)
    .max(1)
    .nullish()
    .describe("Drop tokens less probable than this share of the likeliest token's probability. Default 0."),
  seed: seedSchema,
  n: z
    .int()
    .min(1)
    .max(MAX_CHOICES)
    .nullish()
    .describe(
      "Answers to make, one after the other over one prompt, each with a seed of its own (`outrider.seeds`). Each " +
        "counts as a request. Default 1.",
    ),
  n_cmpl: z.int().min(1).max(MAX_CHOICES).nullish().describe("llama.cpp's name of `n`, which wins over it."),
  presence_penalty: penalty("every token that the answer holds already"),
  frequency_penalty: penalty("a token, for each time that the answer holds it"),
  repetition_penalty: z
    .number()
    .gt(0)
    .max(10)
    .nullish()
    .describe("Weakens every token of prompt and answer by this factor, as vLLM does. Default 1: not at all."),
  repeat_penalty: z
    .number()
    .gt(0)
    .max(10)
    .nullish()
    .describe("The same for the last `repeat_last_n` tokens only, as llama.cpp does. Default 1: not at all."),
  repeat_last_n: z
    .int()
    .min(-1)
    .nullish()
    .describe("How many tokens `repeat_penalty` looks back. 0: none; -1: all. Default 64."),
  logit_bias: biasSchema
    .nullish()
    .describe("Adds to the logits of tokens: `{id: bias}`, or pairs `[id, bias]`, where `false` forbids a token."),
  allowed_token_ids: z
    .array(tokenSchema)
    .min(1)
    .max(MAX_SHAPED)
    .nullish()
    .describe("The only tokens that the answer may consist of."),
  stop_token_ids: z
    .array(tokenSchema)
    .max(MAX_STOP_IDS)
    .nullish()
    .describe("Tokens that end the answer as the model's own end tokens do, and have no text."),
  ignore_eos: z
    .boolean()
    .nullish()
    .describe("Go on behind the model's own end tokens, which have no text. For measurements. Default false."),
  min_tokens: z.int().min(0).nullish().describe("No token that ends the answer comes before so many. Default 0."),
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
  n_predict: z.int().min(-1).nullish().describe("llama.cpp's name of `max_tokens`, which wins over it; -1: none."),
  n_probs: z
    .int()
    .min(0)
    .max(MAX_LOGPROBS)
    .nullish()
    .describe("llama.cpp's name: log probabilities, and those of so many of the likeliest tokens. 0: none."),
  stream: z.boolean().nullish().describe("Answer as server-sent events. Default false."),
  stream_options: z
    .object({ include_usage: z.boolean().nullish().describe("Send usage in a last chunk of its own.") })
    .nullish()
    .describe("Options of a stream."),
  prompt_cache_key: z
    .string()
    .nullish()
    .describe("Names the conversation, so that its Session is found again. `x-session-affinity` wins over it."),
  ...CONSTRAINT_FIELDS,
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
    ...TOOL_FIELDS,
    max_completion_tokens: z.int().min(1).nullish().describe("OpenAI's newer name of `max_tokens`; wins over it."),
    logprobs: z.boolean().nullish().describe("Tell the log probability of each token. Default false."),
    top_logprobs: z
      .int()
      .min(0)
      .max(MAX_LOGPROBS)
      .nullish()
      .describe("Tell those of so many of the likeliest tokens, too. Needs `logprobs`."),
  })
  .meta({ id: "ChatRequest", description: "Body of `POST /v1/chat/completions`." });

const completionSchema = z
  .object({
    prompt: z
      .union([z.string(), z.array(tokenSchema), z.array(z.string()), z.array(z.array(tokenSchema))], {
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
    logprobs: z
      .int()
      .min(0)
      .max(MAX_LOGPROBS)
      .nullish()
      .describe("Tell the log probability of each token, and of so many of the likeliest."),
    echo: z.boolean().nullish().describe("Begin the answer with the prompt. Default false."),
  })
  .meta({ id: "CompletionRequest", description: "Body of `POST /v1/completions`." });

/**
 * Parses the body of `POST /v1/chat/completions`. `randomSeed` is used where the client gave none. Throws a 400 with
 * `param`.
 */
export function parseChat(body: unknown, randomSeed: () => number): Generation {
  const request = parse(chatSchema, body);
  const messages = request.messages.map((message, i): ChatMessage => {
    const at = `messages[${i}]`;
    return { role: role(message.role, at), content: messageText(message, at), ...callsOf(message, at) };
  });
  if (request.top_logprobs && !request.logprobs) throw needsLogprobs();
  const logprobs = request.logprobs ? (request.top_logprobs ?? 0) : null;
  const maxTokens = request.max_completion_tokens ?? request.max_tokens;
  const made = generation(request, { kind: "chat", messages }, maxTokens, randomSeed);
  return { ...made, ...told(logprobs, request), offer: offerOf(request) };
}

/** Parses the body of `POST /v1/completions`. */
export function parseCompletion(body: unknown, randomSeed: () => number): Generation {
  const request = parse(completionSchema, body);
  const input = completionInput(request.prompt, request.suffix ?? "");
  const made = generation(request, input, request.max_tokens, randomSeed, COMPLETION_TOKENS);
  return { ...made, ...told(request.logprobs ?? null, request), echo: request.echo ?? false };
}

/** llama.cpp's name says the same as the door's own. */
const told = (logprobs: number | null, { n_probs }: { readonly n_probs?: number | null | undefined }) => ({
  logprobs: logprobs ?? (n_probs ? n_probs : null),
});

const needsLogprobs = () =>
  new OutriderError("invalid_request", "top_logprobs: needs logprobs; set logprobs to true", { param: "top_logprobs" });

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
  named: number | null | undefined,
  randomSeed: () => number,
  otherwise: number | null = null,
): Generation {
  const options = request.outrider ?? {};
  const limit = named ?? request.n_predict;
  const maxTokens = limit === -1 ? null : (limit ?? otherwise);
  const { min_tokens: least } = request;
  if (least != null && maxTokens !== null && least > maxTokens) {
    throw new OutriderError("invalid_request", `min_tokens: is ${least}, which is more than max_tokens, ${maxTokens}`, {
      param: "min_tokens",
    });
  }
  const bild = options.rule === "bild";
  return {
    model: request.model,
    input,
    sampling: {
      temperature: request.temperature ?? 1,
      topK: Math.max(0, request.top_k ?? 0),
      // OpenAI allows 0, meaning the likeliest token alone; our sampler wants a mass above 0 and then keeps just that
      // one.
      topP: Math.max(request.top_p ?? 1, 1e-9),
      minP: request.min_p ?? 0,
      seed: seedOf(request.seed, randomSeed),
    },
    shaping: shapingOf(request),
    constraint: constraintOf(request),
    offer: null,
    logprobs: null,
    rule: bild ? { kind: "bild", alphaRollback: options.alpha_rollback ?? ALPHA_ROLLBACK } : { kind: "exact" },
    stop: [request.stop ?? []].flat().filter((stop) => stop !== ""),
    stopIds: request.stop_token_ids ?? [],
    ignoreEos: request.ignore_eos ?? false,
    echo: false,
    maxTokens,
    n: request.n ?? request.n_cmpl ?? 1,
    choice: 0,
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
  checkFields(objectOf(body), new Set(Object.keys(schema.shape)));
  return checkedBody(schema, body, path);
}

/** ["messages", 0, "role"] → "messages[0].role", as OpenAI writes it. */
const path = (keys: readonly PropertyKey[]): string =>
  keys.reduce<string>(
    (all, key) => (typeof key === "number" ? `${all}[${key}]` : all ? `${all}.${String(key)}` : String(key)),
    "",
  );

function role(name: string, at: string): ChatMessage["role"] {
  if (name === "system" || name === "developer") return "system";
  if (name === "user" || name === "assistant" || name === "tool") return name;
  const param = `${at}.role`;
  if (name === "function") {
    throw new OutriderError("unsupported_value", `${param}: function is an older form; send tool`, { param });
  }
  throw new OutriderError(
    "invalid_request",
    `${param}: must be system, developer, user, assistant or tool, got ${JSON.stringify(name)}`,
    { param },
  );
}

/** The text of a message. Null stands for none where an assistant said nothing. */
function messageText({ role, content }: z.infer<typeof messageSchema>, at: string): string {
  if (content != null) return text(content, at);
  if (role === "assistant") return "";
  const param = `${at}.content`;
  throw new OutriderError("invalid_request", `${param}: must be a string or an array of text parts`, { param });
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
