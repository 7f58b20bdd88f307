/** OpenAI Agents for JavaScript: the Responses API unless told otherwise. */
import { Agent, OpenAIChatCompletionsModel, OpenAIResponsesModel, run, setTracingDisabled, tool } from "@openai/agents";
import OpenAI from "openai";
import { None, rest, serve } from "./adapter.js";

setTracingDisabled(true);

const NAMED = ["messages", "input", "stream", "temperature", "max_tokens", "max_output_tokens", "tools", "tool_choice"];
const PENALTIES = ["presence_penalty", "frequency_penalty", "previous_response_id"];

function agentOf({ url, key, model }, fields, Model) {
  if (["response_format", "n", "logprobs", "prediction"].some((field) => field in fields)) throw new None("its field");
  // To this SDK an answer that ran out of tokens is an error, and the tiny model never ends by itself.
  const ends = Model === OpenAIResponsesModel ? { stop: ["e", "o"] } : {};
  const client = new OpenAI({ baseURL: `${url}/v1`, apiKey: key, maxRetries: 0 });
  return new Agent({
    name: "conformance",
    instructions: systemOf(fields),
    model: new Model(client, model),
    toolUseBehavior: "stop_on_first_tool",
    tools: (fields.tools ?? []).map(({ function: { name, description, parameters } }) =>
      tool({ name, description, parameters, strict: true, execute: (given) => JSON.stringify({ name, given }) }),
    ),
    modelSettings: {
      temperature: fields.temperature,
      maxTokens: fields.max_tokens ?? fields.max_output_tokens,
      presencePenalty: fields.presence_penalty,
      frequencyPenalty: fields.frequency_penalty,
      toolChoice: fields.tool_choice?.function?.name ?? fields.tool_choice,
      providerData: { ...rest(fields, ...NAMED, ...PENALTIES), ...ends },
    },
  });
}

const systemOf = ({ messages }) => messages?.find(({ role }) => role === "system")?.content;

function inputOf({ messages, input }) {
  if (!messages) return input;
  const text = { user: "input_text", assistant: "output_text" };
  return messages
    .filter(({ role }) => role !== "system")
    .map(({ role, content, tool_calls: calls, tool_call_id: callId }) => {
      if (role === "tool") {
        const output = { type: "text", text: content };
        return { type: "function_call_result", callId, name: "look_up", status: "completed", output };
      }
      if (calls) {
        const [{ id, function: called }] = calls;
        return { type: "function_call", callId: id, status: "completed", ...called };
      }
      return {
        ...{ type: "message", role, content: [{ type: text[role], text: content }] },
        ...(role === "assistant" && { status: "completed" }),
      };
    });
}

const answer = (Model) => async (service, fields) => {
  const agent = agentOf(service, fields, Model);
  const options = { maxTurns: 2, previousResponseId: fields.previous_response_id };
  let pieces = 0;
  let result;
  if (fields.stream) {
    result = await run(agent, inputOf(fields), { ...options, stream: true });
    for await (const event of result) {
      if (event.type === "raw_model_stream_event" && event.data.type === "output_text_delta") pieces++;
    }
    await result.completed;
    if (result.error) throw result.error;
  } else result = await run(agent, inputOf(fields), options);
  const [last] = result.rawResponses;
  const calls = last.output.filter(({ type }) => type === "function_call");
  return {
    text: fields.tools ? "" : String(result.finalOutput ?? ""),
    id: result.lastResponseId,
    promptTokens: last.usage.inputTokens,
    completionTokens: last.usage.outputTokens,
    calls: calls.map((call) => ({ name: call.name, arguments: JSON.parse(call.arguments) })),
    pieces,
  };
};

serve({ chat: answer(OpenAIChatCompletionsModel), response: answer(OpenAIResponsesModel) });
