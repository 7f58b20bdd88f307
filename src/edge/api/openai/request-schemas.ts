/** The bodies of `/v1/chat/completions` and `/v1/completions` as schemas, with their limits. */
import * as z from "zod";
import { MAX_BIAS, MAX_DRAFT, MAX_LOGPROBS, MAX_SHAPED } from "../../../core/verify/protocol.ts";
import { CONSTRAINT_FIELDS } from "../../prompt/constraint.ts";
import { predictionSchema } from "../../prompt/prediction.ts";
import { seedSchema } from "../../prompt/seed.ts";
import { MESSAGE_FIELDS, TOOL_FIELDS } from "../../prompt/tools.ts";
import { idsSchema, MAX_IDS } from "../token-ids.ts";

/** Answers of one request. */
const MAX_CHOICES = 8;
/** Prompts that are read before all but one are refused. */
const MAX_PROMPTS = 128;
/** As many as OpenAI takes. Each costs the template some steps, whatever it says. */
export const MAX_MESSAGES = 2048;
/** Characters of all stop strings together. Text is looked through for each of them. */
const MAX_STOP_CHARS = 4096;
/** OpenAI's default for `/v1/completions`; chat answers run to the end of the context unless limited. */
export const COMPLETION_TOKENS = 16;

/**
 * BiLD's rollback threshold where a request names none: tokens of a probability of at least 0.22 are kept. At the 3 of
 * the paper's experiments a sixth of the default pair's tokens change and its sums come out wrong (docs/record/log.md, "BiLD's
 * frontier", 2026-11-27).
 */
export const ALPHA_ROLLBACK = 1.5;

const partSchema = z.object({
  type: z.string().describe("Only `text` is supported."),
  text: z.string().optional().describe("The text of the part."),
});

export const messageSchema = z
  .object({
    role: z.string().describe("`system`, `developer` (read as `system`), `user`, `assistant` or `tool`."),
    content: z
      .union([z.string(), z.array(partSchema)], { error: "must be a string or an array of text parts" })
      .nullish()
      .describe("Text, or an array of text parts that are joined. Null is an empty text, for `assistant` only."),
    ...MESSAGE_FIELDS,
  })
  .meta({ id: "Message", description: "One message of the conversation." });

const outriderSchema = z
  .strictObject({
    draft: z
      .enum(["model", "lookup", "both", "off"])
      .nullish()
      .describe(
        "Who drafts. `model`: the draft model. `lookup`: copies from the conversation itself. `both`: for each " +
          "token, what the two together think likeliest. `off`: nobody. Default: `both`, which is `lookup` where " +
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
    fill: z
      .enum(["line", "plain"])
      .nullish()
      .describe(
        "How a prompt with a suffix is split. `line`: the line at the cursor stands behind the middle token, so a " +
          "further character changes the prompt's last tokens alone, and what was read stays read. `plain`: all of " +
          "the prompt stands before the suffix. Default `line`.",
      ),
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
/** Logits are divided by it, and must stay finite. */
const LEAST_REPETITION = 0.01;
const TOO_STRONG = `must be at least ${LEAST_REPETITION}, below which logits are no longer finite; 1 is none`;
const penalty = (what: string) =>
  z.number().min(-2).max(2).nullish().describe(`Taken from the logit of ${what}. Default 0.`);

/** Each string costs a look at every piece of the answer, as a character does. */
export const stopsFit = (stops: string | readonly string[]): boolean =>
  [stops].flat().reduce((sum, { length }) => sum + length + 1, 0) <= MAX_STOP_CHARS;
export const STOPS_TOO_LONG = `stop strings may have ${MAX_STOP_CHARS} characters together, each counted as one more`;

export const common = {
  model: z.string().min(1).nullish().describe("The id that `GET /v1/models` returns. Default: the one that is served."),
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
    .min(LEAST_REPETITION, TOO_STRONG)
    .max(10)
    .nullish()
    .describe("Weakens every token of prompt and answer by this factor, as vLLM does. Default 1: not at all."),
  repeat_penalty: z
    .number()
    .min(LEAST_REPETITION, TOO_STRONG)
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
    .union([z.string(), z.array(z.string())], { error: "must be a string or an array of strings" })
    .refine(stopsFit, STOPS_TOO_LONG)
    .nullish()
    .describe("Strings that end the answer and are not part of it."),
  max_tokens: z
    .int()
    .min(-1)
    .refine((tokens) => tokens !== 0, "must be at least 1, or -1 for as many as fit the context")
    .nullish()
    .describe(
      `Most tokens of the answer; -1: to the end of the context. Default: chat to the end of the context, completions ${COMPLETION_TOKENS}.`,
    ),
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

export const chatSchema = z
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

export const completionSchema = z
  .object({
    prompt: z
      .union([z.string(), idsSchema, z.array(z.string()).max(MAX_PROMPTS), z.array(idsSchema).max(MAX_PROMPTS)], {
        error: `must be a string or an array of at most ${MAX_IDS} token ids`,
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
