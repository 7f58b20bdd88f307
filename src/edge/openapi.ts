/**
 * The API as an OpenAPI 3.1 document, made from the schemas that parse requests and shape answers.
 * No Worker imports this file: making the document takes longer than an invocation may take on the Free plan. So
 * `npm run docs:generate` writes it to page/openapi.json, which the edge serves as a static file, and to docs/api.md.
 */
import * as z from "zod";
// Its schemas are in the registry once it is loaded.
import "./openai.ts";
import { ERRORS } from "./error-table.ts";
import { FIELDS, type Field } from "./fields.ts";
import { chatLogprobsSchema, textLogprobsSchema } from "./logprobs.ts";
import { countedSchema, countSchema } from "./messages/count.ts";
import { messagesSchema } from "./messages/request.ts";
import { placementSchema } from "./placement.ts";
import { accountSchema, timingsSchema, tracedTokenSchema } from "./reply.ts";
import { ownSchema } from "./responses/request.ts";
import { tokenRequests } from "./tokens/question.ts";

/** A JSON Schema as `z.toJSONSchema` writes it: the parts that docs/api.ts reads. */
export interface Schema {
  readonly description?: string;
  readonly type?: string | readonly string[];
  readonly $ref?: string;
  readonly const?: unknown;
  readonly enum?: readonly unknown[];
  readonly anyOf?: readonly Schema[];
  readonly items?: Schema;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  readonly minimum?: number;
  readonly maximum?: number;
  readonly maxItems?: number;
  readonly maxLength?: number;
}

interface Parameter {
  readonly name: string;
  readonly in: "header" | "path";
  readonly required: boolean;
  readonly schema: Schema;
  readonly description: string;
}

export interface Operation {
  readonly summary: string;
  readonly description?: string;
  readonly parameters?: readonly Parameter[];
  readonly requestBody?: { readonly content: Readonly<Record<string, { schema: Schema }>> };
  readonly responses: Readonly<
    Record<string, { description: string; content?: Readonly<Record<string, { schema: Schema }>> }>
  >;
}

export interface Api {
  readonly openapi: string;
  readonly info: { readonly title: string; readonly version: string; readonly description: string };
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components: { readonly schemas: Readonly<Record<string, Schema>>; readonly [kind: string]: unknown };
  readonly [rest: string]: unknown;
}

const usageSchema = z
  .object({
    prompt_tokens: z.int().describe("Tokens of the prompt."),
    completion_tokens: z.int().describe("Tokens of the answer."),
    total_tokens: z.int().describe("Both together."),
    prompt_tokens_details: z
      .object({ cached_tokens: z.int().describe("Prompt tokens that the target already held.") })
      .describe("Where the prompt's tokens came from."),
    completion_tokens_details: z
      .object({
        accepted_prediction_tokens: z.int().describe("Draft tokens that were copied from `prediction` and kept."),
        rejected_prediction_tokens: z
          .int()
          .describe("Draft tokens that were copied from it and not kept. They are no part of `completion_tokens`."),
      })
      .optional()
      .describe("Present where the request has a `prediction`."),
  })
  .meta({ id: "Usage", description: "Tokens of the request and the answer." });

const finishReason = z
  .enum(["stop", "length", "tool_calls"])
  .describe(
    "`stop`: an end token or a stop string. `length`: `max_tokens` or the end of the context. `tool_calls`: as " +
      "`stop`, where the answer calls tools.",
  );

const head = (object: string) => ({
  id: z.string().describe("Id of the answer."),
  object: z.literal(object).describe("Kind of the object."),
  created: z.int().describe("Seconds since 1970."),
  model: z.string().describe("Id of the target."),
});

const account = accountSchema
  .unwrap()
  .extend({
    tokens: z.array(tracedTokenSchema).optional().describe("With `outrider.trace`: all tokens of the answer."),
  })
  .describe("Outrider's own account.");

const ends = {
  usage: usageSchema.describe("Tokens used."),
  timings: timingsSchema.describe("What the answer took."),
  outrider: account,
};

/** The last chunk of a stream carries all of these; chunks before it carry at most a trace. */
const streamEnds = {
  usage: usageSchema.nullish().describe("In the last chunk; `null` before it where `include_usage` is set."),
  timings: timingsSchema.optional().describe("In the last chunk."),
  outrider: z
    .union([account, z.object({ tokens: z.array(tracedTokenSchema) })])
    .optional()
    .describe("In the last chunk Outrider's account. With `outrider.trace`, in every chunk its tokens."),
};

const index = z.int().describe("Which of the choices it is.");

/** A list of the one choice: its index, what it `holds`, and how it ended. */
const choice = (holds: z.ZodRawShape) =>
  z.array(z.object({ index, ...holds, finish_reason: finishReason })).describe("The answers, `n` of them.");

/** The same of an event of a stream, which has not ended yet. */
const growing = (holds: z.ZodRawShape) =>
  z
    .array(z.object({ index, ...holds, finish_reason: finishReason.nullable() }))
    .describe("One choice. None in the chunk that carries usage alone.");

const called = z
  .object({ name: z.string(), arguments: z.string().describe("JSON of an object.") })
  .describe("What is called.");

export const answerSchemas = {
  chat: z
    .object({
      ...head("chat.completion"),
      choices: choice({
        message: z
          .object({
            role: z.literal("assistant"),
            content: z.string().nullable().describe("The text; null for an answer that only calls."),
            refusal: z.null(),
            tool_calls: z
              .array(z.object({ id: z.string(), type: z.literal("function"), function: called }))
              .optional()
              .describe("Calls, in the order in which the model made them."),
          })
          .describe("The answer."),
        logprobs: chatLogprobsSchema,
      }),
      ...ends,
    })
    .meta({ id: "ChatCompletion", description: "Answer of `POST /v1/chat/completions` without `stream`." }),
  chatChunk: z
    .object({
      ...head("chat.completion.chunk"),
      choices: growing({
        delta: z
          .object({
            role: z.literal("assistant").optional(),
            content: z.string().nullish(),
            tool_calls: z
              .array(
                z.object({
                  index: z.int(),
                  id: z.string().optional(),
                  type: z.literal("function").optional(),
                  function: called.partial({ name: true }),
                }),
              )
              .optional()
              .describe("A call begins with its id and name; the characters of its arguments follow."),
          })
          .describe("What the answer grows by."),
        logprobs: chatLogprobsSchema,
      }),
      ...streamEnds,
    })
    .meta({
      id: "ChatChunk",
      description: "One event of a streamed chat answer. The stream ends with the event `[DONE]`.",
    }),
  text: z
    .object({
      ...head("text_completion"),
      choices: choice({ text: z.string().describe("The text."), logprobs: textLogprobsSchema }),
      ...ends,
    })
    .meta({ id: "TextCompletion", description: "Answer of `POST /v1/completions` without `stream`." }),
  textChunk: z
    .object({
      ...head("text_completion"),
      choices: growing({
        text: z.string().describe("What the answer grows by."),
        logprobs: textLogprobsSchema,
      }),
      ...streamEnds,
    })
    .meta({
      id: "TextChunk",
      description: "One event of a streamed completion. The stream ends with the event `[DONE]`.",
    }),
  tokens: z
    .object({
      tokens: z
        .array(z.union([z.int(), z.object({ id: z.int(), piece: z.union([z.string(), z.array(z.int())]) })]))
        .describe(
          "Token ids; with `with_pieces`, objects of an id and its text, or its bytes where these are no text.",
        ),
      count: z.int().describe("How many they are."),
      max_model_len: z.int().describe("Tokens of the model's context."),
      token_strs: z.array(z.string()).optional().describe("With `return_token_strs`: the text of each token."),
    })
    .meta({ id: "Tokens", description: "Answer of `POST /tokenize`." }),
  tokensText: z
    .object({
      content: z.string().describe("The text, special tokens as they are written. llama.cpp's name."),
      prompt: z.string().describe("The same. vLLM's name."),
    })
    .meta({ id: "TokensText", description: "Answer of `POST /detokenize`." }),
  templateText: z
    .object({ prompt: z.string().describe("The conversation by the model's chat template, ready for its answer.") })
    .meta({ id: "TemplateText", description: "Answer of `POST /apply-template`." }),
  usage: z
    .object({
      object: z.literal("usage"),
      key: z.string().describe("Name of the key."),
      days: z
        .array(
          z.object({
            day: z.string().describe("UTC, such as `2026-11-27`."),
            requests: z.int().describe("Requests that were let in."),
            tokens: z.int().describe("Tokens of prompts and answers. Answers under way count as what was set aside."),
          }),
        )
        .describe("The latest first, 92 at most; days without requests are left out."),
    })
    .meta({ id: "KeyUsage", description: "Answer of `GET /v1/usage`." }),
  model: z
    .object({
      id: z.string().describe("What requests name as `model`."),
      object: z.literal("model"),
      created: z.literal(0),
      owned_by: z.literal("outrider"),
    })
    .meta({ id: "Model", description: "The target that this deployment serves." }),
  health: z
    .object({ status: z.literal("ok"), sessions: placementSchema.describe("Where new Sessions are made.") })
    .meta({ id: "EdgeHealth", description: "Answer of `GET /health`." }),
  readiness: z
    .object({
      status: z.enum(["ready", "no_model", "no_origin"]).describe("Anything but `ready` comes with status 503."),
      origins: z
        .object({
          configured: z.int().describe("Origins that the settings name."),
          ready: z.int().describe("Those that serve the model and take answers, as asked in the last seconds."),
        })
        .describe("Counts; their addresses are not told."),
    })
    .meta({ id: "EdgeReadiness", description: "Answer of `GET /health/ready`." }),
  error: z
    .object({
      error: z
        .object({
          message: z.string().describe("What was wrong and what to do next."),
          type: z
            .enum(["invalid_request_error", "rate_limit_error", "server_error"])
            .describe("Follows from the status: 429, 500 and above, or anything else."),
          param: z.string().nullable().describe("The field at fault, such as `messages[0].role`, or null."),
          code: z.string().describe("For programs; the table of statuses names them."),
        })
        .describe("The error."),
    })
    .meta({ id: "Error", description: "Every error, also the last event of a stream that breaks." }),
};

const ref = (name: string): Schema => ({ $ref: `#/components/schemas/${name}` });
const named = (schema: z.ZodType): Schema => ref(String(schema.meta()?.id));
const json = (schema: Schema) => ({ "application/json": { schema } });

const failures = (...statuses: number[]): Operation["responses"] =>
  Object.fromEntries(
    statuses.map((status) => [
      String(status),
      { description: Object.keys(ERRORS[String(status)] ?? {}).join(", "), content: json(ref("Error")) },
    ]),
  );

const affinity: Parameter = {
  name: "x-session-affinity",
  in: "header",
  required: false,
  schema: { type: "string" },
  description:
    "Names the conversation. Requests with the same name and key share one Session: its KV state, and its queue.",
};

const response: Parameter = {
  name: "id",
  in: "path",
  required: true,
  schema: { type: "string" },
  description: "Id of the response.",
};

const generation = (summary: string, body: string, answer: string, part: string): Operation => ({
  summary,
  parameters: [affinity],
  requestBody: { content: json(ref(body)) },
  responses: {
    200: {
      description: "The answer, or with `stream` its events.",
      content: { ...json(ref(answer)), "text/event-stream": { schema: ref(part) } },
    },
    ...failures(400, 401, 404, 413, 429, 500, 503, 504),
  },
});

/**
 * A route to chat answers in another API's shape.
 * @param answer one of them, "A message"
 */
const dialect = (summary: string, description: string, body: z.ZodType, answer: string): Operation => ({
  summary,
  description,
  parameters: [affinity],
  requestBody: { content: json(named(body)) },
  responses: {
    200: {
      description: `${answer}, or with \`stream\` its events.`,
      content: { ...json({ type: "object" }), "text/event-stream": { schema: { type: "string" } } },
    },
    ...failures(400, 401, 404, 413, 429, 500, 503, 504),
  },
});

/** A route that is answered without an origin. */
const tokens = (summary: string, body: z.ZodType, answer: z.ZodType): Operation => ({
  summary,
  description: "Computed at the edge, without an origin. Counts as a request of its key and as no tokens.",
  requestBody: { content: json(named(body)) },
  responses: {
    200: { description: "The answer.", content: json(named(answer)) },
    ...failures(400, 401, 404, 413, 429, 500, 503),
  },
});

const paths: Api["paths"] = {
  "/v1/chat/completions": {
    post: generation("Answer a conversation", "ChatRequest", "ChatCompletion", "ChatChunk"),
  },
  "/v1/completions": {
    post: generation("Continue a text", "CompletionRequest", "TextCompletion", "TextChunk"),
  },
  "/v1/responses": {
    post: dialect(
      "Answer in the shape of OpenAI's Responses API",
      "Objects and events are OpenAI's, with `timings` and `outrider` beside them. `previous_response_id` goes on " +
        "from a stored response. Text and function calls only. With `outrider.trace`, `outrider` at the " +
        "end holds all tokens; a stored response holds neither these nor log probabilities.",
      ownSchema,
      "A response",
    ),
  },
  "/v1/messages": {
    post: dialect(
      "Answer in the shape of Anthropic's Messages API",
      "Objects, events and errors are Anthropic's, with `timings` and `outrider` beside them; the key may come as " +
        "`x-api-key`. Text and tool calls only. A stop string is told as `end_turn`. With `outrider.trace`, " +
        "`outrider` at the end holds all tokens.",
      messagesSchema,
      "A message",
    ),
  },
  "/v1/messages/count_tokens": {
    post: tokens("How many tokens a message's prompt has", countSchema, countedSchema),
  },
  "/v1/responses/{id}": {
    get: {
      summary: "A stored response",
      parameters: [response],
      responses: { 200: { description: "It.", content: json({ type: "object" }) }, ...failures(401, 404) },
    },
    delete: {
      summary: "Forget a stored response",
      parameters: [response],
      responses: { 200: { description: "It is gone.", content: json({ type: "object" }) }, ...failures(401, 404) },
    },
  },
  "/v1/models": {
    get: {
      summary: "List the one model",
      responses: {
        200: {
          description: "A list of one.",
          content: json({
            type: "object",
            properties: {
              object: { const: "list", type: "string" },
              data: { type: "array", items: ref("Model") },
            },
          }),
        },
        ...failures(401, 503),
      },
    },
  },
  "/v1/models/{id}": {
    get: {
      summary: "Look a model up",
      parameters: [
        { name: "id", in: "path", required: true, schema: { type: "string" }, description: "Id of the model." },
      ],
      responses: { 200: { description: "The model.", content: json(ref("Model")) }, ...failures(401, 404, 503) },
    },
  },
  "/v1/usage": {
    get: {
      summary: "What a key has used",
      description: "Of a key with a name: its own usage.",
      responses: { 200: { description: "A row for each day.", content: json(ref("KeyUsage")) }, ...failures(401, 404) },
    },
  },
  "/v1/usage/{name}": {
    get: {
      summary: "What another key has used",
      description: "For the operator: the bearer token is `OPERATOR_KEY`.",
      parameters: [
        { name: "name", in: "path", required: true, schema: { type: "string" }, description: "Name of the key." },
      ],
      responses: { 200: { description: "A row for each day.", content: json(ref("KeyUsage")) }, ...failures(401, 404) },
    },
  },
  "/tokenize": { post: tokens("Text or a conversation as token ids", tokenRequests.tokenize, answerSchemas.tokens) },
  "/detokenize": { post: tokens("Token ids as text", tokenRequests.detokenize, answerSchemas.tokensText) },
  "/apply-template": {
    post: tokens("A conversation as the model reads it", tokenRequests.template, answerSchemas.templateText),
  },
  "/health": {
    get: {
      summary: "Whether the Worker runs",
      description: "Says where new Sessions are asked to be, and nothing about how the origin is. Needs no key.",
      responses: {
        200: { description: "The Worker runs.", content: json(ref("EdgeHealth")) },
        ...failures(500),
      },
    },
  },
  "/health/ready": {
    get: {
      summary: "Whether answers can be had",
      description: "Asks each origin's `/health`, at most every five seconds. Needs no key.",
      responses: {
        200: { description: "A model is there, and an origin that serves it.", content: json(ref("EdgeReadiness")) },
        503: { description: "One of the two is missing.", content: json(ref("EdgeReadiness")) },
      },
    },
  },
};

const fieldsThatAre = (fate: Field["fate"]): string =>
  Object.entries(FIELDS)
    .filter(([, field]) => field.fate === fate)
    .map(([name]) => name)
    .join(", ");

/** The whole document, of plain data. */
export function openapi(): Api {
  // Every schema of src/edge that has an id by `meta({ id })` is in the registry.
  const { schemas } = z.toJSONSchema(z.globalRegistry, { io: "input", uri: (id) => `#/components/schemas/${id}` });
  return {
    openapi: "3.1.0",
    info: {
      title: "Outrider",
      version: "1",
      description:
        "An OpenAI-compatible API whose answers are drafted at the edge and verified by the target at its origin. " +
        `Refused with a sentence: ${fieldsThatAre("refused")}. ` +
        `Without effect, and named in a header: ${fieldsThatAre("ignored")}.`,
    },
    servers: [{ url: "/" }],
    security: [{ key: [] }, {}],
    paths,
    components: {
      securitySchemes: {
        key: {
          type: "http",
          scheme: "bearer",
          description: "One of the deployment's keys. Without any the API is open.",
        },
      },
      schemas: Object.fromEntries(Object.entries(schemas).map(([name, schema]) => [name, plain(schema as Schema)])),
    },
  };
}

/**
 * Without the marks of JSON Schema that a component of OpenAPI does not need, and without JavaScript's largest integer.
 */
function plain(value: Schema): Schema {
  return JSON.parse(
    JSON.stringify(value, (key, inner) =>
      key === "$schema" || key === "$id" || Math.abs(inner) === Number.MAX_SAFE_INTEGER ? undefined : inner,
    ),
  );
}
