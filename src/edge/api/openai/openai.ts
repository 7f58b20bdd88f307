/**
 * OpenAI's request shapes → our `Generation`. What becomes of each field, also of those that no schema here reads,
 * stands in fields.ts: none is dropped in silence.
 * What goes back is in reply.ts. No other file but request-schemas.ts reads OpenAI's request fields.
 */
import type * as z from "zod";
import type { ChatMessage } from "../../../core/model/chat.ts";
import { OutriderError } from "../../../core/model/errors.ts";
import { constraintOf } from "../../prompt/constraint.ts";
import type { Generation } from "../../prompt/generation.ts";
import { predictionText } from "../../prompt/prediction.ts";
import { seedOf } from "../../prompt/seed.ts";
import { shapingOf } from "../../prompt/shaping.ts";
import { SERVED } from "../../prompt/target.ts";
import { callsOf, checkArguments, offerOf } from "../../prompt/tools.ts";
import { checkedBody, objectOf } from "../checked-body.ts";
import { checkFields } from "./fields.ts";
import {
  ALPHA_ROLLBACK,
  COMPLETION_TOKENS,
  chatSchema,
  type common,
  completionSchema,
  type messageSchema,
} from "./request-schemas.ts";

/**
 * Parses the body of `POST /v1/chat/completions`. `randomSeed` is used where the client gave none. Throws a 400 with
 * `param`.
 */
export function parseChat(body: unknown, randomSeed: () => number): Generation {
  const request = parseBody(chatSchema, body);
  const messages = request.messages.map((message, i): ChatMessage => {
    const at = `messages[${i}]`;
    return { role: role(message.role, at), content: messageText(message, at), ...callsOf(message, at) };
  });
  checkArguments(messages);
  if (request.top_logprobs && !request.logprobs) throw needsLogprobs();
  const logprobs = request.logprobs ? (request.top_logprobs ?? 0) : null;
  const maxTokens = request.max_completion_tokens ?? request.max_tokens;
  const made = generationOf(request, { kind: "chat", messages }, maxTokens, randomSeed);
  return { ...made, ...logprobsOf(logprobs, request), offer: offerOf(request) };
}

/** @param at the place of the message, such as `messages[0]` */
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

/** Parses the body of `POST /v1/completions`. */
export function parseCompletion(body: unknown, randomSeed: () => number): Generation {
  const request = parseBody(completionSchema, body);
  const input = completionInput(request.prompt, request.suffix ?? "", request.outrider?.fill !== "plain");
  const made = generationOf(request, input, request.max_tokens, randomSeed, COMPLETION_TOKENS);
  return { ...made, ...logprobsOf(request.logprobs ?? null, request), echo: request.echo ?? false };
}

/** llama.cpp's name says the same as the door's own. */
const logprobsOf = (logprobs: number | null, { n_probs }: { readonly n_probs?: number | null | undefined }) => ({
  logprobs: logprobs ?? (n_probs ? n_probs : null),
});

const needsLogprobs = () =>
  new OutriderError("invalid_request", "top_logprobs: needs logprobs; set logprobs to true", { param: "top_logprobs" });

function completionInput(
  given: z.infer<typeof completionSchema>["prompt"],
  suffix: string,
  lineBehind: boolean,
): Generation["input"] {
  // A hole may be at the beginning of a file.
  const prompt = suffix !== "" && given === "" ? "" : onePrompt(given);
  if (suffix === "") return { kind: "text", prompt };
  if (typeof prompt === "string") return { kind: "fill", prompt, suffix, files: [], lineBehind };
  throw new OutriderError("invalid_request", "suffix: needs a prompt of text, not of token ids", { param: "suffix" });
}

/**
 * What all doors share: sampling, limits, form, drafting.
 * @param named most tokens of the answer, by the door's own name; -1: to the end of the context
 * @param otherwise where nobody names any
 */
export function generationOf(
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
    model: request.model ?? SERVED,
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
    ...constraintOf(request),
    offer: null,
    logprobs: null,
    rule: bild ? { kind: "bild", alphaRollback: options.alpha_rollback ?? ALPHA_ROLLBACK } : { kind: "exact" },
    stop: [request.stop ?? []].flat().filter((stop) => stop !== ""),
    indent: 0,
    maxMs: null,
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

/** What a schema reads of a body, after what becomes of each other field. Throws a 400 with `param`. */
export function parseBody<T extends z.ZodObject>(schema: T, body: unknown): z.infer<T> {
  checkFields(objectOf(body), new Set(Object.keys(schema.shape)));
  return checkedBody(schema, body);
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
