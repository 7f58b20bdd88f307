/** Serves an adapter's operations over lines of JSON (client.ts). */
import { createInterface } from "node:readline";

/** The SDK has no such call. */
export class None extends Error {}

/** Fields that an SDK has no name for. */
export function rest(fields, ...known) {
  return Object.fromEntries(Object.entries(fields).filter(([name]) => !known.includes(name)));
}

/** @param operations name → (service, fields) → Result */
export function serve(operations) {
  createInterface({ input: process.stdin }).on("line", async (line) => {
    const { operation, service, fields } = JSON.parse(line);
    const say = (reply) => process.stdout.write(`\n${JSON.stringify(reply)}\n`);
    try {
      if (!operations[operation]) throw new None(operation);
      say({ result: await operations[operation](service, fields) });
    } catch (error) {
      if (error instanceof None) say({ none: error.message });
      else say({ error: { message: String(error?.message ?? error), status: statusOf(error) } });
    }
  });
}

/** SDKs wrap errors of others. */
function statusOf(error) {
  for (let at = error; at; at = at.cause ?? at.lastError) {
    const status = at.status ?? at.statusCode;
    if (status) return status;
  }
  return null;
}

/** A chat completion of OpenAI's shape as a Result. */
export function chatResult({ choices, usage }) {
  const [first] = choices;
  const calls = first.message.tool_calls?.map((call) => ({
    name: call.function.name,
    arguments: JSON.parse(call.function.arguments),
  }));
  return {
    text: first.message.content ?? "",
    finish: first.finish_reason,
    choices: choices.map((choice) => choice.message.content),
    calls,
    ...usageOf(usage),
    ...logprobsOf(first.logprobs?.content),
  };
}

export const usageOf = (usage) => ({
  promptTokens: usage?.prompt_tokens ?? usage?.input_tokens ?? null,
  completionTokens: usage?.completion_tokens ?? usage?.output_tokens ?? null,
  accepted: usage?.completion_tokens_details?.accepted_prediction_tokens ?? null,
});

export const logprobsOf = (content) => ({
  logprobs: content ? { tokens: content.length, alternatives: content[0]?.top_logprobs?.length ?? 0 } : null,
});

/** A chat request's messages, formats and tools as the Responses API has them. */
export const flatTool = ({ type, function: named }) => ({ type, ...named });
