/** The target behind an OpenAI-compatible server. The server returns text, which is tokenised again (target.ts). */
import * as z from "zod";
import { OutriderError } from "../../core/model/errors.ts";
import type { Author, Request } from "./author.ts";
import { JsonClient } from "./http.ts";
import { OneAtATime } from "./one-at-a-time.ts";
import type { Target } from "./target.ts";

const modelsSchema = z.object({ data: z.array(z.object({ id: z.string() })) });
const finish = z.string().nullish();
const chatSchema = z.object({
  choices: z.array(z.object({ message: z.object({ content: z.string() }), finish_reason: finish })).min(1),
});
const completionSchema = z.object({ choices: z.array(z.object({ text: z.string(), finish_reason: finish })).min(1) });

/** Statuses of servers that lack a route or want another kind of prompt. */
const LACKING = [400, 404, 405, 422, 501];

interface Server {
  readonly url: string;
  readonly token: string | undefined;
  /** Id of the model; undefined for the server's only one. */
  readonly model: string | undefined;
  readonly retryMs: readonly number[];
}

export class Api implements Author {
  readonly atOnce: number;
  readonly #client: JsonClient;
  readonly #model: string;
  readonly #target: Target;
  readonly #slots: OneAtATime<number>;

  private constructor(client: JsonClient, model: string, target: Target, atOnce: number) {
    this.#client = client;
    this.#model = model;
    this.#target = target;
    this.atOnce = atOnce;
    this.#slots = new OneAtATime(Array.from({ length: atOnce }, (_, n) => n));
  }

  /**
   * Rejects with `which_model` where the server has several models and none is named, and with what JsonClient rejects
   * with.
   */
  static async open({ url, token, model, retryMs }: Server, target: Target, atOnce: number): Promise<Api> {
    const client = new JsonClient(url, token, retryMs);
    return new Api(client, model ?? (await onlyModel(client)), target, atOnce);
  }

  async write({ prompt, messages, temperature, seed, maxTokens }: Request): Promise<number[]> {
    // top_p is sent because some servers have another default than 1.
    const common = { model: this.#model, temperature, top_p: 1, seed, max_tokens: maxTokens };
    return this.#slots.use(async () => {
      const { text, finish_reason } = messages
        ? await this.#chat({ ...common, messages })
        : await this.#complete({ ...common, prompt });
      return this.#target.encode(text, finish_reason === "stop");
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#client.close();
  }

  async #chat(body: object) {
    const { choices } = await this.#client.fetch("/chat/completions", body, chatSchema);
    const { message, finish_reason } = choices[0]!;
    return { text: message.content, finish_reason };
  }

  async #complete(body: object) {
    try {
      return (await this.#client.fetch("/completions", body, completionSchema)).choices[0]!;
    } catch (error) {
      if (!(error instanceof OutriderError && error.code === "refused" && LACKING.includes(error.status))) throw error;
      const advice =
        "--self needs /v1/completions with a prompt of token ids; " +
        "give questions with --prompts FILE, or run the target here with --model-pack";
      throw new OutriderError("no_completions", `${error.message}. ${advice}`, { cause: error });
    }
  }
}

async function onlyModel(client: JsonClient): Promise<string> {
  const { data } = await client.fetch("/models", undefined, modelsSchema);
  if (data.length === 1) return data[0]!.id;
  const names = data.map(({ id }) => id).join(", ");
  throw new OutriderError("which_model", `the server has ${data.length} models: ${names}; name one with --model`);
}
