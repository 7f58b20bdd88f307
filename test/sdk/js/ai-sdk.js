/** The AI SDK with one of its two providers: `compatible` or `openai`. */
import { createOpenAI } from "@ai-sdk/openai";
import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import { generateText, jsonSchema, Output, streamText, tool } from "ai";
import { None, rest, serve } from "./adapter.js";

const kind = process.argv[2];
/** Fields that `generateText` has names for. */
const NAMED = [
  "messages",
  "prompt",
  "input",
  "stream",
  "temperature",
  "max_tokens",
  "max_output_tokens",
  "stop",
  "seed",
];
const LATER = ["presence_penalty", "frequency_penalty", "tools", "tool_choice", "response_format"];
/** Those of OpenAI's that the provider takes as options. */
const OPTIONS = {
  logit_bias: "logitBias",
  top_logprobs: "logprobs",
  logprobs: "logprobs",
  max_completion_tokens: "maxCompletionTokens",
  prediction: "prediction",
  previous_response_id: "previousResponseId",
};

function providerOf({ url, key }) {
  const baseURL = `${url}/v1`;
  if (kind === "openai") return createOpenAI({ baseURL, apiKey: key });
  return createOpenAICompatible({
    name: "outrider",
    baseURL,
    apiKey: key,
    includeUsage: true,
    supportsStructuredOutputs: true,
  });
}

const MODELS = {
  openai: { chat: "chat", completion: "completion", response: "responses" },
  compatible: { chat: "chatModel", completion: "completionModel" },
};

function options(fields, operation) {
  const extra = rest(fields, ...NAMED, ...LATER);
  if (kind === "compatible") {
    // Sent, and answered, but this provider does not hand them on, and of several choices the first alone.
    for (const field of ["logprobs", "n"]) if (field in extra) throw new None(field);
    return { outrider: extra };
  }
  const known = {};
  for (const [field, value] of Object.entries(extra)) {
    if (!OPTIONS[field] || (operation === "response" && field === "logit_bias")) throw new None(field);
    known[OPTIONS[field]] = value;
  }
  return { openai: known };
}

function asked(service, operation, fields) {
  const make = MODELS[kind][operation];
  if (!make) throw new None(operation);
  const { messages, prompt, input, tools, tool_choice, response_format: format } = fields;
  if (format?.type === "json_object") throw new None("json_object");
  return {
    model: providerOf(service)[make](service.model),
    ...(messages ? { messages: messages.map(messageOf) } : { prompt: prompt ?? input }),
    temperature: fields.temperature,
    maxOutputTokens: fields.max_tokens ?? fields.max_output_tokens,
    stopSequences: fields.stop,
    seed: fields.seed,
    presencePenalty: fields.presence_penalty,
    frequencyPenalty: fields.frequency_penalty,
    maxRetries: 0,
    ...(tools && {
      tools: Object.fromEntries(
        tools.map(({ function: { name, description, parameters } }) => [
          name,
          tool({ description, inputSchema: jsonSchema(parameters) }),
        ]),
      ),
      toolChoice: tool_choice?.function ? { type: "tool", toolName: tool_choice.function.name } : tool_choice,
    }),
    ...(format && { output: Output.object({ schema: jsonSchema(format.json_schema.schema) }) }),
    providerOptions: options(fields, operation),
  };
}

/** Calls and their results are parts of messages here. */
function messageOf({ role, content, tool_calls: calls, tool_call_id: toolCallId }) {
  if (role === "tool") {
    const output = { type: "text", value: content };
    return { role, content: [{ type: "tool-result", toolCallId, toolName: "look_up", output }] };
  }
  if (!calls) return { role, content };
  const parts = calls.map(({ id, function: { name, arguments: given } }) => ({
    ...{ type: "tool-call", toolCallId: id, toolName: name, input: JSON.parse(given) },
  }));
  return { role, content: parts };
}

function resultOf({ text, finishReason, usage, toolCalls, providerMetadata, response }) {
  const logprobs = providerMetadata?.openai?.logprobs;
  return {
    text,
    id: providerMetadata?.openai?.responseId ?? response?.id ?? null,
    finish: finishReason,
    promptTokens: usage.inputTokens,
    completionTokens: usage.outputTokens,
    accepted:
      providerMetadata?.openai?.acceptedPredictionTokens ??
      providerMetadata?.outrider?.acceptedPredictionTokens ??
      null,
    choices: [text],
    calls: toolCalls?.map((call) => ({ name: call.toolName, arguments: call.input })),
    logprobs: logprobs ? { tokens: logprobs.length, alternatives: logprobs[0]?.top_logprobs?.length ?? 0 } : null,
  };
}

async function streamed(given) {
  let failure;
  const stream = streamText({ ...given, onError: ({ error }) => (failure = error) });
  let pieces = 0;
  for await (const _ of stream.textStream) pieces++;
  if (failure) throw failure;
  const all = ["text", "finishReason", "usage", "toolCalls", "providerMetadata", "response"];
  const values = await Promise.all(all.map((name) => stream[name]));
  return { ...resultOf(Object.fromEntries(all.map((name, at) => [name, values[at]]))), pieces };
}

const answer = (operation) => async (service, fields) => {
  const given = asked(service, operation, fields);
  return fields.stream ? streamed(given) : resultOf(await generateText(given));
};

serve({
  chat: answer("chat"),
  completion: answer("completion"),
  response: answer("response"),
  abort: async (service, fields) => {
    const leaves = new AbortController();
    const given = { ...asked(service, "chat", fields), abortSignal: leaves.signal, onError: () => {} };
    for await (const _ of streamText(given).textStream) leaves.abort();
    return { text: "" };
  },
});
