/** The API's routes as operations of OpenAPI: what each takes, and what it answers. */
import type * as z from "zod";
import { ERRORS } from "../error-table.ts";
import { infillSchema, llamaCompletionSchema } from "../llama/request.ts";
import { countedSchema, countSchema } from "../messages/count.ts";
import { messagesSchema } from "../messages/request.ts";
import { ownSchema } from "../responses/request.ts";
import { tokenRequests } from "../tokens/question.ts";
import { answerSchemas } from "./answer-schemas.ts";

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
  description:
    "Computed at the edge, without an origin. At most four contexts of tokens. Counts as a request of its key and as an " +
    "eighth of its tokens, at four characters a token.",
  requestBody: { content: json(named(body)) },
  responses: {
    200: { description: "The answer.", content: json(named(answer)) },
    ...failures(400, 401, 404, 413, 429, 500, 503),
  },
});

export const paths: Api["paths"] = {
  "/v1/chat/completions": {
    post: generation("Answer a conversation", "ChatRequest", "ChatCompletion", "ChatChunk"),
  },
  "/v1/completions": {
    post: generation("Continue a text", "CompletionRequest", "TextCompletion", "TextChunk"),
  },
  "/infill": {
    post: dialect(
      "Fill in code, as llama-server does",
      "For editors such as llama.vim and llama.vscode. The line at the cursor stands behind the model's middle token, " +
        "so what was read of the file stays read at the next key. The answer is llama-server's object, without " +
        "`generation_settings` and `prompt`; a stop string is told as `eos`.",
      infillSchema,
      "A filling",
    ),
  },
  "/completion": {
    post: dialect(
      "Continue a text, as llama-server does",
      "As `/v1/completions`, with llama-server's answer and its sampling where the request names none.",
      llamaCompletionSchema,
      "A text",
    ),
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
