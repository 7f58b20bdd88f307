/** openai for JavaScript; the word after the program names the package. */
import { chatResult, serve, usageOf } from "./adapter.js";

const { default: OpenAI } = await import(process.argv[2] ?? "openai");
const client = ({ url, key }) => new OpenAI({ baseURL: `${url}/v1`, apiKey: key, maxRetries: 0 });

async function streamedChat(openai, body) {
  const stream = openai.chat.completions.stream({ ...body, stream_options: { include_usage: true } });
  let pieces = 0;
  for await (const chunk of stream) if (chunk.choices[0]?.delta?.content) pieces++;
  return { ...chatResult(await stream.finalChatCompletion()), pieces };
}

async function streamedCompletion(openai, body) {
  let text = "";
  for await (const chunk of await openai.completions.create(body)) text += chunk.choices[0]?.text ?? "";
  return { text };
}

async function streamedResponse(openai, { stream: _, ...body }) {
  const stream = openai.responses.stream(body);
  let pieces = 0;
  for await (const event of stream) if (event.type === "response.output_text.delta") pieces++;
  return { ...responseResult(await stream.finalResponse()), pieces };
}

const responseResult = ({ id, output_text: text, usage }) => ({ id, text, ...usageOf(usage) });

serve({
  models: async (service) => ({ text: "", ids: (await client(service).models.list()).data.map(({ id }) => id) }),
  chat: async (service, fields) => {
    const body = { model: service.model, ...fields };
    if (body.stream) return streamedChat(client(service), body);
    return chatResult(await client(service).chat.completions.create(body));
  },
  completion: async (service, fields) => {
    const body = { model: service.model, ...fields };
    if (body.stream) return streamedCompletion(client(service), body);
    const { choices, usage } = await client(service).completions.create(body);
    return { text: choices[0].text, finish: choices[0].finish_reason, ...usageOf(usage) };
  },
  response: async (service, fields) => {
    const body = { model: service.model, ...fields };
    if (body.stream) return streamedResponse(client(service), body);
    return responseResult(await client(service).responses.create(body));
  },
  abort: async (service, fields) => {
    const stream = await client(service).chat.completions.create({ model: service.model, ...fields });
    for await (const chunk of stream) if (chunk.choices[0]?.delta?.content) break;
    return { text: "" };
  },
});
