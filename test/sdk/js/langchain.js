/** LangChain for JavaScript. */
import { ChatOpenAI, OpenAI } from "@langchain/openai";
import { None, rest, serve } from "./adapter.js";

const NAMED = ["messages", "input", "prompt", "stream", "temperature", "max_tokens", "max_output_tokens", "n", "stop"];
const CALL = ["seed", "tools", "tool_choice", "response_format", "previous_response_id", "logprobs", "top_logprobs"];
const PENALTIES = ["presence_penalty", "frequency_penalty", "logit_bias"];

function modelOf({ url, key, model }, fields, more = {}) {
  return new ChatOpenAI({
    model,
    apiKey: key,
    maxRetries: 0,
    temperature: fields.temperature,
    maxTokens: fields.max_tokens ?? fields.max_output_tokens,
    n: fields.n,
    stop: fields.stop,
    presencePenalty: fields.presence_penalty,
    frequencyPenalty: fields.frequency_penalty,
    logitBias: fields.logit_bias,
    logprobs: fields.logprobs,
    topLogprobs: fields.top_logprobs,
    streamUsage: true,
    modelKwargs: rest(fields, ...NAMED, ...CALL, ...PENALTIES),
    configuration: { baseURL: `${url}/v1` },
    ...more,
  });
}

const callOptions = ({ seed, tools, tool_choice, response_format, previous_response_id }) => ({
  ...(seed !== undefined && { seed }),
  ...(tools && { tools }),
  ...(tool_choice && { tool_choice }),
  ...(response_format && { response_format }),
  ...(previous_response_id && { previous_response_id }),
});

function resultOf(message) {
  const { usage_metadata: usage, response_metadata: told } = message;
  const content = told.logprobs?.content;
  return {
    text: message.text,
    id: told.id ?? message.id,
    finish: told.finish_reason ?? null,
    promptTokens: usage?.input_tokens ?? null,
    completionTokens: usage?.output_tokens ?? null,
    accepted: told.usage?.completion_tokens_details?.accepted_prediction_tokens ?? null,
    choices: [message.text],
    calls: message.tool_calls?.map(({ name, args }) => ({ name, arguments: args })),
    logprobs: content ? { tokens: content.length, alternatives: content[0]?.top_logprobs?.length ?? 0 } : null,
  };
}

async function streamed(model, messages, options) {
  let all;
  let pieces = 0;
  for await (const chunk of await model.stream(messages, options)) {
    all = all ? all.concat(chunk) : chunk;
    if (chunk.text) pieces++;
  }
  return { ...resultOf(all), pieces };
}

async function chat(service, fields, more) {
  const model = modelOf(service, fields, more);
  const messages = fields.messages ?? fields.input;
  const options = callOptions(fields);
  if (fields.stream) return streamed(model, messages, options);
  if (fields.n > 1) {
    const { generations } = await model.generate([messages], options);
    const choices = generations[0].map(({ text }) => text);
    return { text: choices[0], choices };
  }
  return resultOf(await model.invoke(messages, options));
}

serve({
  chat: (service, fields) => chat(service, fields),
  response: (service, fields) => chat(service, fields, { useResponsesApi: true }),
  completion: async ({ url, key, model }, fields) => {
    if (fields.tools) throw new None("tools");
    const { temperature, max_tokens: maxTokens } = fields;
    const given = { model, apiKey: key, temperature, maxTokens, maxRetries: 0 };
    const llm = new OpenAI({ ...given, configuration: { baseURL: `${url}/v1` } });
    if (!fields.stream) return { text: await llm.invoke(fields.prompt) };
    let text = "";
    for await (const piece of await llm.stream(fields.prompt)) text += piece;
    return { text };
  },
  abort: async (service, fields) => {
    for await (const chunk of await modelOf(service, fields).stream(fields.messages)) if (chunk.text) break;
    return { text: "" };
  },
});
