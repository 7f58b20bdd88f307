/**
 * Every request field of three dialects, OpenAI's, llama.cpp's server's and vLLM's, and what becomes of it:
 *
 *   honoured        a schema of request-schemas.ts reads it
 *   refused         it would change the answer, and Outrider cannot; values that ask for nothing pass
 *   without effect  the text is the same with it; the header `x-outrider-ignored` names it. So it does with every field
 *                   that nobody knows, so a row stands only where there is more to say
 *
 * So nothing is dropped in silence. docs/reference/api.md is made from this table. A field that is in none of the dialects is
 * named in the header, too, unless it looks like a misspelt one: then it is refused.
 */
import { OutriderError } from "../../../core/model/errors.ts";
import type { JsonObject } from "../checked-body.ts";
import { nearest } from "../nearest.ts";

/** Whose requests name a field: OpenAI (o), llama.cpp's server (l), vLLM (v), Outrider alone (x). */
type Dialects = string;

type Door = "chat" | "text";

export interface Field {
  readonly dialects: Dialects;
  /** The only door that knows it; both unless given. */
  readonly door?: Door;
  readonly fate: "honoured" | "refused" | "ignored";
  /** Why it is refused or without effect. */
  readonly why?: string;
  /** Values that ask for nothing and pass; unless given, `false`, `0` and what is empty. `null` always passes. */
  readonly fine?: readonly unknown[];
}

const honoured = (dialects: Dialects, door?: Door): Field => ({ dialects, fate: "honoured", ...(door && { door }) });
const refused = (dialects: Dialects, why: string, fine?: readonly unknown[], door?: Door): Field => ({
  dialects,
  fate: "refused",
  why,
  ...(fine && { fine }),
  ...(door && { door }),
});
const ignored = (dialects: Dialects, why: string): Field => ({ dialects, fate: "ignored", why });

const TEXT = "only text is supported";
const SAMPLER = "this sampler is not supported; temperature, top_k, top_p and min_p are";
const TEMPLATE = "the model's own chat template is used, with what it generates by default";
const LAZY = "a grammar holds from the answer's first token on";
const DECORATION = "the answer's shape is Outrider's own";

export const FIELDS: Readonly<Record<string, Field>> = {
  model: honoured("olv"),
  messages: honoured("olv", "chat"),
  prompt: honoured("olv", "text"),
  suffix: honoured("ov", "text"),
  temperature: honoured("olv"),
  top_p: honoured("olv"),
  top_k: honoured("lv"),
  min_p: honoured("lv"),
  seed: honoured("olv"),
  n: honoured("olv"),
  n_cmpl: honoured("l"),
  presence_penalty: honoured("olv"),
  frequency_penalty: honoured("olv"),
  repetition_penalty: honoured("v"),
  repeat_penalty: honoured("l"),
  repeat_last_n: honoured("l"),
  logit_bias: honoured("olv"),
  allowed_token_ids: honoured("v"),
  stop: honoured("olv"),
  stop_token_ids: honoured("v"),
  ignore_eos: honoured("lv"),
  min_tokens: honoured("v"),
  max_tokens: honoured("olv"),
  max_completion_tokens: honoured("ol", "chat"),
  n_predict: honoured("l"),
  logprobs: honoured("olv"),
  top_logprobs: honoured("ov", "chat"),
  n_probs: honoured("l"),
  echo: honoured("olv", "text"),
  prediction: honoured("o"),
  stream: honoured("olv"),
  stream_options: honoured("ov"),
  prompt_cache_key: honoured("o"),
  outrider: honoured("x"),

  best_of: refused("ov", "no answer is chosen among several; n makes several", [1]),
  use_beam_search: refused("v", "beams are not searched"),
  length_penalty: refused("v", "beams are not searched", [1]),

  tools: honoured("olv", "chat"),
  tool_choice: honoured("olv", "chat"),
  parallel_tool_calls: honoured("olv", "chat"),
  functions: refused("o", "it is an older form of tools; send these", undefined, "chat"),
  function_call: refused("o", "it is an older form of tool_choice; send that", ["none", "auto"], "chat"),
  response_format: honoured("olv"),
  structured_outputs: honoured("v"),
  guided_json: honoured("v"),
  guided_regex: honoured("v"),
  guided_choice: honoured("v"),
  guided_grammar: honoured("v"),
  json_schema: honoured("l"),
  grammar: honoured("l"),
  grammar_lazy: refused("l", LAZY),
  grammar_triggers: refused("l", LAZY),
  modalities: refused("o", TEXT, [["text"]], "chat"),
  audio: refused("o", TEXT, undefined, "chat"),
  web_search_options: refused("o", "web search is not supported", undefined, "chat"),
  reasoning_effort: refused("olv", "how long the model thinks cannot be set", ["none"], "chat"),
  verbosity: refused("o", "how much the model says cannot be set", ["medium"], "chat"),
  moderation: refused("o", "answers are not moderated"),

  dynatemp_range: refused("l", SAMPLER),
  top_n_sigma: refused("l", SAMPLER, [-1, 0]),
  typical_p: refused("l", SAMPLER, [1]),
  dry_multiplier: refused("l", SAMPLER),
  xtc_probability: refused("l", SAMPLER),
  mirostat: refused("l", SAMPLER),
  adaptive_target: refused("l", SAMPLER, [-1]),
  min_keep: refused("l", SAMPLER),
  samplers: refused("l", "the order of samplers is fixed: top_k, top_p, min_p"),
  bad_words: refused("v", "words cannot be forbidden, only tokens by logit_bias"),
  watermarking: refused("v", "answers carry no watermark"),
  thinking_token_budget: refused("v", "how long the model thinks cannot be set"),
  reasoning_budget_tokens: refused("l", "how long the model thinks cannot be set", [-1]),
  reasoning_budget_message: refused("l", "how long the model thinks cannot be set"),
  repetition_detection: refused("v", "no repetition is looked for"),
  t_max_predict_ms: refused("l", "an answer has no limit in time", [0]),
  n_indent: refused("l", "indentation does not end an answer"),
  include_stop_str_in_output: refused("v", "stop strings are no part of the answer"),
  n_keep: refused("l", "a prompt that is too long is refused, never shortened"),
  n_discard: refused("l", "a prompt that is too long is refused, never shortened"),
  truncate_prompt_tokens: refused("v", "a prompt that is too long is refused, never shortened", []),
  lora: refused("l", "no adapters are loaded"),
  chat_template: refused("v", TEMPLATE),
  chat_template_kwargs: refused("lv", TEMPLATE),
  documents: refused("v", TEMPLATE),
  add_generation_prompt: refused("lv", TEMPLATE, [true]),
  continue_final_message: refused("lv", TEMPLATE),
  add_special_tokens: refused("v", "special tokens come as the model's own tokenizer sets them", []),
  media_io_kwargs: refused("v", TEXT),
  mm_processor_kwargs: refused("v", TEXT),
  prompt_embeds: refused("v", TEXT),
  skip_special_tokens: refused("v", "tokens that end an answer have no text", [true]),
  spaces_between_special_tokens: refused("v", "tokens that end an answer have no text", [true]),
  prompt_logprobs: refused("v", "log probabilities are those of the answer", []),
  logprob_token_ids: refused("v", "log probabilities are those of the likeliest tokens"),
  return_token_ids: refused("v", "use outrider.trace, which tells the id of each token"),
  return_tokens: refused("l", "use outrider.trace, which tells the id of each token"),
  return_tokens_as_token_ids: refused("v", "use outrider.trace, which tells the id of each token"),
  return_prompt_text: refused("v", "use echo, where a prompt is text"),
  parse_tool_calls: refused("l", "calls are always read; leave tools out for the text as it is", [true]),
  post_sampling_probs: refused("l", "log probabilities are the model's own, before sampling"),
  response_fields: refused("l", DECORATION),
  vllm_xargs: refused("v", "they are for plugins of vLLM"),

  t_max_prompt_ms: ignored("l", "a prompt is always read to its end"),
  request_id: ignored("v", "send it as x-request-id"),
  session_id: ignored("v", "send it as x-session-affinity"),
  reasoning_format: ignored("l", "thoughts are not set apart"),
  "stream_options.include_usage": honoured("ov"),
  "stream_options.include_obfuscation": ignored("o", DECORATION),
  "stream_options.continuous_usage_stats": ignored("v", "usage comes with the last chunk"),
  "messages[].name": ignored("o", "chat templates have no place for it"),
  "messages[].refusal": ignored("o", "chat templates have no place for it"),
  "messages[].annotations": ignored("o", "chat templates have no place for it"),
};

/** The header that names what was without effect. */
export const IGNORED = "x-outrider-ignored";

/** Names in that header at most, and the shape of a name that may stand in it. */
const MOST_NAMES = 40;
const PLAIN = /^[\w.[\]-]{1,64}$/;

/**
 * Throws `unsupported_parameter` for a field that is refused, and `invalid_request` for a misspelt one.
 * @param known fields that the door's schema reads
 */
export function checkFields(body: JsonObject, known: ReadonlySet<string>): void {
  const names = [...known, ...Object.keys(FIELDS)];
  let strangers = 0;
  for (const [name, value] of Object.entries(body)) {
    if (known.has(name)) continue;
    const field = fieldOf(name);
    if (!field) {
      // To compare a name with all that there are takes time, and what is not told of must not be dropped.
      if (++strangers > MOST_NAMES) throw tooStrange();
      const meant = nearest(name, names);
      if (meant === null) continue;
      throw new OutriderError("invalid_request", `${name}: there is no such field; did you mean ${meant}?`, {
        param: name,
      });
    }
    if (field.fate === "ignored") continue;
    refuse(name, value, { ...field, why: field.why ?? OTHER_DOOR[field.door ?? "chat"] });
  }
}

const tooStrange = () =>
  new OutriderError(
    "invalid_request",
    `the body has more than ${MOST_NAMES} fields that nobody knows, the limit; leave them out`,
  );

/** What a door refuses beside this table: field → why, and values that ask for nothing, as `Field.fine`. */
export type Refusals = Readonly<Record<string, { readonly why: string; readonly fine?: readonly unknown[] }>>;

/** Throws `unsupported_parameter` for a field that a door refuses. */
export function checkRefusals(body: JsonObject, refusals: Refusals): void {
  for (const [name, refusal] of Object.entries(refusals)) refuse(name, body[name], refusal);
}

function refuse(name: string, value: unknown, { why, fine }: Refusals[string]): void {
  if (passes(fine, value)) return;
  throw new OutriderError("unsupported_parameter", `${name}: ${why}; leave ${name} out`, { param: name });
}

/** Why a field that another route honours is refused. */
const OTHER_DOOR: Readonly<Record<Door, string>> = {
  chat: "only /v1/chat/completions has it",
  text: "a conversation has none; /v1/completions has it",
};

/** The names to tell of: fields without effect, and fields that nobody knows. */
export function withoutEffect(body: JsonObject): string[] {
  const names = [...pathsOf(body)].filter((path) => {
    const field = fieldOf(path);
    if (field) return field.fate === "ignored";
    // Fields inside of others are the schema's business.
    return !path.includes(".");
  });
  return headerNames(names);
}

/** Names that may stand in the header, each once. */
export const headerNames = (names: readonly string[]): string[] =>
  [...new Set(names)].filter((name) => PLAIN.test(name)).slice(0, MOST_NAMES);

/** The names of those fields of an object that ask for something, but for `known`. */
export const othersIn = (object: unknown, known: readonly string[]): string[] =>
  Object.entries(Object(object)).flatMap(([name, value]) => (value == null || known.includes(name) ? [] : [name]));

/** Names that are set, and the names inside of those objects of which some fields are without effect. */
function* pathsOf(body: JsonObject): Generator<string> {
  for (const [name, value] of Object.entries(body)) {
    if (value === null || value === undefined) continue;
    yield name;
    if (name === "stream_options") for (const key of Object.keys(Object(value))) yield `${name}.${key}`;
    if (name !== "messages" || !Array.isArray(value)) continue;
    for (const message of value) {
      for (const [key, inner] of Object.entries(Object(message))) if (inner !== null) yield `${name}[].${key}`;
    }
  }
}

const fieldOf = (name: string): Field | undefined => (Object.hasOwn(FIELDS, name) ? FIELDS[name] : undefined);

/** Whether a value of a refused field asks for nothing. */
function passes(fine: readonly unknown[] | undefined, value: unknown): boolean {
  if (value === null || value === undefined) return true;
  if (fine) return fine.some((one) => JSON.stringify(one) === JSON.stringify(value));
  return !value || (typeof value === "object" && Object.keys(value).length === 0);
}
