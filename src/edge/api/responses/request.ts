/**
 * Bodies of `POST /v1/responses` → chat requests, so that one core honours or refuses what both have in common, and
 * `ResponsesDialect`, which is what the answer needs to know of them. Fields that chat requests have as well go through
 * as they are: `seed`, `temperature`, `outrider`.
 */
import * as z from "zod";
import { OutriderError } from "../../../core/model/errors.ts";
import type { Generation } from "../../prompt/generation.ts";
import { checkedBody, type JsonObject, objectOf } from "../checked-body.ts";
import { checkRefusals, headerNames, othersIn, type Refusals, withoutEffect } from "../openai/fields.ts";
import { parseChat } from "../openai/openai.ts";
import { MAX_MESSAGES } from "../openai/request-schemas.ts";
import { renamed } from "../renamed.ts";
import { rootIn } from "./ids.ts";
import { chatMessages } from "./items.ts";

/** What a response says of its request, and how the request hangs together with earlier ones. */
export interface ResponsesDialect {
  readonly kind: "responses";
  /** Of the response; the Worker names it. */
  readonly id: string;
  readonly previous: string | null;
  /** Whether later requests may go on from it. */
  readonly store: boolean;
  /** How many of the generation's messages are this request's instructions, which no later one repeats. */
  readonly instructed: number;
  /** Index of a message → the stored items that it repeats. */
  readonly references: Readonly<Record<number, readonly string[]>>;
  /** Fields that the response repeats. */
  readonly echo: JsonObject;
}

/** Metadata are bounded as OpenAI's are. */
const MAX_PAIRS = 16;
const MAX_NAME = 64;
const MAX_VALUE = 512;
/** Of one input: calls and their results are items of their own, so that messages have several. */
const MAX_ITEMS = 4 * MAX_MESSAGES;

/** The same where nothing can be stored, whatever its client asked for. */
export const notStored = (dialect: ResponsesDialect): ResponsesDialect => ({
  ...dialect,
  store: false,
  echo: { ...dialect.echo, store: false },
});

/** What of a request is read here. The rest is as in a chat request. */
export const ownSchema = z
  .object({
    model: z.unknown().describe("The id that `GET /v1/models` returns."),
    input: z
      .union([z.string(), z.array(z.unknown()).max(MAX_ITEMS)], {
        error: `must be a string or an array of at most ${MAX_ITEMS} items`,
      })
      .nullish()
      .describe("What the user says, or items: messages of text, calls and their outputs, item references."),
    instructions: z
      .string({ error: "must be a string" })
      .nullish()
      .describe("A system message before the conversation. No later response repeats it."),
    previous_response_id: z
      .string({ error: "must be a string" })
      .nullish()
      .describe("A stored response that the input goes on from."),
    max_output_tokens: z
      .int({ error: "must be a whole number" })
      .min(1, "must be at least 1")
      .nullish()
      .describe("Most tokens of the answer."),
    store: z
      .boolean({ error: "must be true or false" })
      .nullish()
      .describe("Keep the response in its Session for `KEEP_HOURS`. Default true."),
    text: z
      .object({ format: z.looseObject({ type: z.string() }).nullish(), verbosity: z.unknown().optional() })
      .nullish()
      .describe("`format`: as `response_format` of a chat request, but flat."),
    tools: z
      .array(z.looseObject({ type: z.string() }))
      .nullish()
      .describe("As in a chat request, but flat. Only functions."),
    tool_choice: z.unknown().optional().describe("As in a chat request, but flat."),
    reasoning: z.object({ effort: z.unknown().optional() }).nullish().describe("`effort`: as `reasoning_effort`."),
    include: z
      .array(z.string())
      .nullish()
      .describe(
        "`message.output_text.logprobs` asks for log probabilities. `reasoning.encrypted_content` is without effect.",
      ),
    top_logprobs: z.int().min(0).max(20).nullish().describe("As in a chat request."),
    metadata: z
      .record(z.string().max(MAX_NAME), z.string().max(MAX_VALUE))
      .refine((given) => Object.keys(given).length <= MAX_PAIRS, `holds more than ${MAX_PAIRS} pairs`)
      .nullish()
      .describe(
        `Is repeated in the response: ${MAX_PAIRS} pairs at most, names of ${MAX_NAME} and texts of ${MAX_VALUE} characters.`,
      ),
    truncation: z.string().nullish().describe("`disabled`: a prompt that is too long is refused."),
  })
  .meta({
    id: "ResponsesRequest",
    description: "Body of `POST /v1/responses`. Fields that chat requests have as well mean the same here.",
  });

/** Fields of the Responses API that would change the answer in ways that Outrider cannot. */
export const REFUSED_OF_RESPONSES: Refusals = {
  n: { why: "one response a request is made", fine: [1] },
  n_cmpl: { why: "one response a request is made", fine: [1] },
  background: { why: "answers are not made in the background" },
  conversation: { why: "conversations go on by previous_response_id" },
  prompt: { why: "no prompts are stored; send instructions and input" },
  context_management: { why: "a prompt that is too long is refused, never shortened" },
  truncation: { why: "a prompt that is too long is refused, never shortened", fine: ["disabled"] },
  messages: { why: "this route takes input", fine: [] },
  max_tokens: { why: "this route takes max_output_tokens", fine: [] },
  max_completion_tokens: { why: "this route takes max_output_tokens", fine: [] },
  response_format: { why: "this route takes text.format" },
};

/** What may be included, and what that is without effect. */
const INCLUDED = ["message.output_text.logprobs", "reasoning.encrypted_content"];

/** Without effect here alone: no built-in tools are called, usage always comes, and events are not padded. */
const WITHOUT_EFFECT = ["max_tool_calls", "stream_options"];

interface ResponsesRequest {
  readonly generation: Generation;
  readonly dialect: ResponsesDialect;
  /** Names of what is without effect. */
  readonly ignored: readonly string[];
}

/** Parses a body. Throws a 400 with `param`, in the names of this route. */
export function parseResponses(body: unknown, randomSeed: () => number): ResponsesRequest {
  const given = objectOf(body);
  checkRefusals(given, REFUSED_OF_RESPONSES);
  const own = checkedBody(ownSchema, given);
  const foreign = own.include?.find((what) => !INCLUDED.includes(what));
  if (foreign !== undefined) {
    throw new OutriderError("unsupported_value", `include: ${JSON.stringify(foreign)} is nothing that answers hold`, {
      param: "include",
    });
  }
  const { previous_response_id: previous = null } = own;
  if (previous !== null && rootIn(previous) === null) throw unknownResponse(previous);
  const instructions = own.instructions ? [{ role: "system", content: own.instructions }] : [];
  const { messages, names, references } = chatMessages(own.input ?? []);
  const chat = { ...chatFields(given, own), messages: [...instructions, ...messages] };
  const generation = renamed([...instructions.map(() => "instructions"), ...names], RENAMED, INNER, () =>
    parseChat(chat, randomSeed),
  );
  const shifted = Object.entries(references).map(([at, id]) => [Number(at) + instructions.length, id]);
  return {
    generation,
    dialect: {
      kind: "responses",
      id: "",
      previous,
      store: own.store ?? true,
      instructed: instructions.length,
      references: Object.fromEntries(shifted),
      echo: echoOf(own, generation, given),
    },
    ignored: headerNames([...withoutEffect(chat), ...ownWithoutEffect(given, own)]),
  };
}

/** What of the fields that are read here is without effect. */
function ownWithoutEffect(body: JsonObject, { include, input }: OwnFields): string[] {
  const thought = Array.isArray(input) && input.some((item) => Object(item).type === "reasoning");
  return [
    ...WITHOUT_EFFECT.filter((field) => body[field] != null),
    ...othersIn(body.reasoning, ["effort"]).map((field) => `reasoning.${field}`),
    ...othersIn(body.text, ["format", "verbosity"]).map((field) => `text.${field}`),
    ...(include?.includes(INCLUDED[1]!) ? ["include[].reasoning.encrypted_content"] : []),
    ...(thought ? ["input[].reasoning"] : []),
  ];
}

/** OpenAI's own words and code. */
export const unknownResponse = (id: string) =>
  new OutriderError(
    "previous_response_not_found",
    `previous_response_id: there is no response ${JSON.stringify(id.slice(0, 80))} here; it was not stored, or its ` +
      "conversation has ended. Send the whole conversation as input",
    { param: "previous_response_id" },
  );

type OwnFields = z.infer<typeof ownSchema>;

/** The fields of a chat request but for its messages. */
function chatFields(body: JsonObject, own: OwnFields): Record<string, unknown> {
  const read = new Set([
    ...Object.keys(ownSchema.shape).filter((field) => field !== "model"),
    ...Object.keys(REFUSED_OF_RESPONSES),
    ...WITHOUT_EFFECT,
  ]);
  const rest = Object.fromEntries(Object.entries(body).filter(([field]) => !read.has(field)));
  const { format, verbosity } = own.text ?? {};
  const logprobs = own.include?.includes(INCLUDED[0]!) || Boolean(own.top_logprobs);
  return {
    ...rest,
    ...(own.max_output_tokens != null && { max_completion_tokens: own.max_output_tokens }),
    ...(format && format.type !== "text" && { response_format: responseFormat(format) }),
    ...(verbosity != null && { verbosity }),
    ...(own.reasoning?.effort != null && { reasoning_effort: own.reasoning.effort }),
    ...(own.tools?.length && { tools: own.tools.map(chatTool) }),
    ...(own.tool_choice != null && { tool_choice: chatToolChoice(own.tool_choice) }),
    ...(logprobs && { logprobs: true, top_logprobs: own.top_logprobs ?? 0 }),
  };
}

/** Flat here, nested in chat requests. */
function responseFormat({ type, ...format }: { readonly type: string }): object {
  return type === "json_schema" ? { type, json_schema: format } : { type, ...format };
}

function chatTool({ type, ...tool }: { readonly type: string }, at: number): object {
  if (type === "function") return { type, function: tool };
  const param = `tools[${at}]`;
  throw new OutriderError("unsupported_value", `${param}: only functions are called, got ${JSON.stringify(type)}`, {
    param,
  });
}

function chatToolChoice(choice: unknown): unknown {
  const nested = ({ type, name }: { readonly type?: string; readonly name?: string }) => ({ type, function: { name } });
  const { type, mode, tools } = Object(choice) as { type?: string; mode?: unknown; tools?: unknown };
  if (type === "function") return nested(choice as object);
  if (type !== "allowed_tools" || !Array.isArray(tools)) return choice;
  return { type, allowed_tools: { mode, tools: tools.map((tool) => nested(Object(tool))) } };
}

/** Names that chat requests have otherwise. */
const RENAMED: Readonly<Record<string, string>> = {
  max_completion_tokens: "max_output_tokens",
  response_format: "text.format",
  verbosity: "text.verbosity",
  reasoning_effort: "reasoning.effort",
  messages: "input",
};

const INNER = { ".function.": ".", tool_call_id: "call_id" };

/** What the response repeats of its request, with the values that took effect. */
function echoOf(own: OwnFields, { sampling }: Generation, body: JsonObject): Record<string, unknown> {
  return {
    instructions: own.instructions ?? null,
    max_output_tokens: own.max_output_tokens ?? null,
    metadata: own.metadata ?? {},
    parallel_tool_calls: body.parallel_tool_calls ?? true,
    previous_response_id: own.previous_response_id ?? null,
    reasoning: { effort: null, summary: null },
    service_tier: "default",
    store: own.store ?? true,
    temperature: sampling.temperature,
    text: { format: own.text?.format ?? { type: "text" } },
    tool_choice: own.tool_choice ?? "auto",
    tools: own.tools ?? [],
    top_logprobs: own.top_logprobs ?? 0,
    top_p: sampling.topP,
    truncation: "disabled",
  };
}
