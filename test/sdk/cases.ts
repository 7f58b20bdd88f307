/**
 * The one table of cases. Each asks for something that shows in the answer, so that a field that was dropped in silence
 * is told from one that took effect.
 */
import { type Client, type Operation, type Result, SdkError, type Service } from "./client.ts";

/** What came of a case; `ignored` is never right. */
export type Outcome = "ok" | "ignored" | "failed";

type Ask = (operation: Operation, fields?: Readonly<Record<string, unknown>>) => Promise<Result>;

export interface Case {
  readonly name: string;
  /** Throws what the SDK threw. */
  run(ask: Ask, client: Client, service: Service): Promise<Outcome>;
}

const user = (content: string) => ({ role: "user", content });
const QUESTION = "Tell me about the road";
const base = { messages: [user(QUESTION)], temperature: 0, max_tokens: 24 };
const text = { prompt: QUESTION, temperature: 0, max_tokens: 24 };
const input = { input: QUESTION, temperature: 0, max_output_tokens: 24 };

const SCHEMA = {
  type: "object",
  properties: { size: { enum: ["small", "large"] } },
  required: ["size"],
  additionalProperties: false,
};
const TOOL = {
  type: "function",
  function: { name: "look_up", description: "Looks something up", parameters: SCHEMA },
};

const CALL = {
  role: "assistant",
  content: null,
  tool_calls: [{ id: "call_1", type: "function", function: { name: "look_up", arguments: '{"size": "small"}' } }],
};

const right = (is: boolean): Outcome => (is ? "ok" : "failed");
const effect = (is: boolean): Outcome => (is ? "ok" : "ignored");

/** A field that changes the text of a greedy answer. */
const changes = (name: string, fields: object): Case => ({
  name,
  run: async (ask) => {
    const [plain, changed] = [await ask("chat", base), await ask("chat", { ...base, ...fields })];
    return effect(plain.text !== changed.text);
  },
});

const isOfSchema = (json: string): boolean => {
  try {
    return ["small", "large"].includes(JSON.parse(json).size);
  } catch {
    return false;
  }
};

/** Ends well only where the SDK throws an error of that status. */
const refusedWith = (
  name: string,
  status: number,
  ask: (ask: Ask, client: Client, service: Service) => Promise<unknown>,
) => ({
  name,
  run: async (...given: Parameters<typeof ask>): Promise<Outcome> => {
    try {
      await ask(...given);
    } catch (error) {
      // LangChain and others tell the status in words only.
      if (error instanceof SdkError) return right(error.status === status || error.message.includes(`${status}`));
      throw error;
    }
    return "ignored";
  },
});

export const CASES: readonly Case[] = [
  { name: "models", run: async (ask, _, { model }) => right((await ask("models")).ids!.includes(model)) },
  {
    name: "chat",
    run: async (ask) => {
      const { text: said, finish } = await ask("chat", base);
      return right(said.length > 0 && (finish ?? "length") === "length");
    },
  },
  {
    name: "stream",
    run: async (ask) => {
      const [whole, streamed] = [await ask("chat", base), await ask("chat", { ...base, stream: true })];
      return right(whole.text === streamed.text && streamed.pieces! > 1);
    },
  },
  {
    name: "usage",
    run: async (ask) => {
      const { promptTokens, completionTokens } = await ask("chat", base);
      return right(promptTokens! > 0 && completionTokens === 24);
    },
  },
  {
    name: "usage in a stream",
    run: async (ask) => right((await ask("chat", { ...base, stream: true })).completionTokens === 24),
  },
  {
    name: "system",
    run: async (ask) => {
      const messages = [{ role: "system", content: "Answer like a sailor." }, user(QUESTION)];
      return effect((await ask("chat", { ...base, messages })).text !== (await ask("chat", base)).text);
    },
  },
  {
    name: "several turns",
    run: async (ask) => {
      const messages = [user(QUESTION), { role: "assistant", content: "It is long." }, user("And then?")];
      return effect((await ask("chat", { ...base, messages })).text !== (await ask("chat", base)).text);
    },
  },
  {
    name: "stop",
    run: async (ask) => {
      const { text: whole } = await ask("chat", base);
      const stop = whole.slice(6, 9);
      return effect((await ask("chat", { ...base, stop: [stop] })).text === whole.slice(0, whole.indexOf(stop)));
    },
  },
  {
    name: "seed, drafts on and off",
    run: async (ask) => {
      const sampled = { ...base, temperature: 1, seed: 11 };
      const first = await ask("chat", sampled);
      const off = await ask("chat", { ...sampled, outrider: { draft: "off" } });
      const other = await ask("chat", { ...sampled, seed: 12 });
      return effect(first.text === off.text && first.text !== other.text);
    },
  },
  {
    name: "max_completion_tokens",
    run: async (ask) => {
      const { max_tokens: _, ...rest } = base;
      return effect((await ask("chat", { ...rest, max_completion_tokens: 5 })).completionTokens === 5);
    },
  },
  changes("logit_bias", { logit_bias: Object.fromEntries(Array.from({ length: 200 }, (_, id) => [id, -100])) }),
  changes("presence_penalty", { presence_penalty: 2 }),
  changes("frequency_penalty", { frequency_penalty: 2 }),
  {
    name: "n",
    run: async (ask) => {
      const { choices } = await ask("chat", { ...base, temperature: 1, seed: 3, n: 2 });
      return effect(choices!.length === 2 && choices!.every((choice) => choice.length > 0));
    },
  },
  {
    name: "logprobs",
    run: async (ask) => effect(((await ask("chat", { ...base, logprobs: true })).logprobs?.tokens ?? 0) > 20),
  },
  {
    name: "top_logprobs",
    run: async (ask) =>
      effect((await ask("chat", { ...base, logprobs: true, top_logprobs: 3 })).logprobs?.alternatives === 3),
  },
  {
    name: "json_object",
    run: async (ask) => {
      const asked = { ...base, max_tokens: 200, response_format: { type: "json_object" } };
      const { text: json, finish } = await ask("chat", asked);
      return effect(json.trimStart().startsWith("{") && (finish === "length" || isJson(json)));
    },
  },
  {
    name: "json_schema",
    run: async (ask) => {
      const json_schema = { name: "size", strict: true, schema: SCHEMA };
      const response_format = { type: "json_schema", json_schema };
      return effect(isOfSchema((await ask("chat", { ...base, max_tokens: 100, response_format })).text));
    },
  },
  {
    name: "tools required",
    run: async (ask) => {
      const { calls } = await ask("chat", { ...base, max_tokens: 200, tools: [TOOL], tool_choice: "required" });
      return effect(calls?.[0]?.name === "look_up" && isOfSchema(JSON.stringify(calls[0].arguments)));
    },
  },
  {
    name: "tools streamed",
    run: async (ask) => {
      const fields = { ...base, max_tokens: 200, tools: [TOOL], tool_choice: "required", stream: true };
      const { calls } = await ask("chat", fields);
      return effect(calls?.[0]?.name === "look_up" && isOfSchema(JSON.stringify(calls[0].arguments)));
    },
  },
  {
    name: "tool named",
    run: async (ask) => {
      const other = { ...TOOL, function: { ...TOOL.function, name: "put_down" } };
      const tool_choice = { type: "function", function: { name: "put_down" } };
      const { calls } = await ask("chat", { ...base, max_tokens: 200, tools: [TOOL, other], tool_choice });
      return effect(calls?.[0]?.name === "put_down");
    },
  },
  {
    name: "tool result",
    run: async (ask) => {
      const after = async (content: string) => {
        const messages = [...base.messages, CALL, { role: "tool", tool_call_id: CALL.tool_calls[0]!.id, content }];
        return (await ask("chat", { ...base, messages })).promptTokens!;
      };
      return effect((await after("It is long, wide, and made of gravel.")) > (await after("Long.")));
    },
  },
  {
    name: "prediction",
    run: async (ask) => {
      const plain = await ask("chat", { ...base, max_tokens: 100 });
      const prediction = { type: "content", content: plain.text };
      const outrider = { patience_ms: 2000 };
      const predicted = await ask("chat", { ...base, max_tokens: 100, prediction, outrider });
      return effect(predicted.text === plain.text && predicted.accepted! > 0);
    },
  },
  { name: "completion", run: async (ask) => right((await ask("completion", text)).text.length > 0) },
  {
    name: "completion, streamed",
    run: async (ask) => {
      const [whole, streamed] = [await ask("completion", text), await ask("completion", { ...text, stream: true })];
      return right(whole.text === streamed.text);
    },
  },
  {
    name: "response",
    run: async (ask) => {
      const [{ text: said }, chat] = [await ask("response", input), await ask("chat", base)];
      return right(said.length > 0 && chat.text.startsWith(said));
    },
  },
  {
    name: "response, streamed",
    run: async (ask) => {
      const [whole, streamed] = [await ask("response", input), await ask("response", { ...input, stream: true })];
      return right(whole.text === streamed.text && streamed.pieces! > 0);
    },
  },
  {
    name: "previous_response_id",
    run: async (ask) => {
      const first = await ask("response", input);
      const second = await ask("response", { ...input, input: "And then?", previous_response_id: first.id });
      const alone = await ask("response", { ...input, input: "And then?" });
      return effect(second.promptTokens! > alone.promptTokens!);
    },
  },
  {
    name: "abort",
    run: async (ask) => {
      await ask("abort", { ...base, max_tokens: 400, stream: true });
      return right((await ask("chat", base)).text.length > 0);
    },
  },
  refusedWith("error: unknown model", 404, (_, client, service) =>
    client.call("chat", { ...service, model: "no-such-model" }, base),
  ),
  refusedWith("error: bad value", 400, (ask) => ask("chat", { ...base, outrider: { drft: "off" } })),
  refusedWith("error: wrong key", 401, (_, client, service) => client.call("chat", { ...service, key: "wrong" }, base)),
];

function isJson(json: string): boolean {
  try {
    return typeof JSON.parse(json) === "object";
  } catch {
    return false;
  }
}
