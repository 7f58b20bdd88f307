/** The shapes of answers, of their events, and of what routes say besides: for the OpenAPI document and tests. */
import * as z from "zod";
import { chatLogprobsSchema, textLogprobsSchema } from "../openai/logprobs.ts";
import { accountSchema, timingsSchema, tracedTokenSchema } from "../outcome.ts";
import { placementSchema } from "../placement-schema.ts";

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
