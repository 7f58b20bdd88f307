/** The target behind an OpenAI-compatible server. The server sends text, which is tokenised again (target.ts). */
import { setTimeout as sleep } from "node:timers/promises";
import * as z from "zod";
import { OutriderError } from "../../core/model/errors.ts";
import { EngineServer } from "../../origin/engines/http.ts";
import type { Author, Request } from "./author.ts";
import type { Target } from "./target.ts";

/** Waits before a request that may succeed later is sent again. */
const WAITS_MS = [1_000, 2_000, 4_000, 8_000, 16_000, 32_000] as const;
const AT_ONCE = 8;

const modelsSchema = z.object({ data: z.array(z.object({ id: z.string() })) });
const eventSchema = z.object({
  choices: z.array(
    z.object({ delta: z.object({ content: z.string().nullish() }), finish_reason: z.string().nullish() }),
  ),
});

export class ServedTarget implements Author {
  readonly atOnce = AT_ONCE;
  readonly #server: EngineServer;
  readonly #model: string;
  readonly #target: Target;

  private constructor(server: EngineServer, model: string, target: Target) {
    this.#server = server;
    this.#model = model;
    this.#target = target;
  }

  /**
   * @param url ends in /v1
   * Throws `which_model` where the server has several, and what `EngineServer` throws.
   */
  static async open(url: string, target: Target): Promise<ServedTarget> {
    const server = new EngineServer(url, `${url.replace(/\/+$/, "")}/`, null);
    const { data } = await server.get("models", modelsSchema);
    const [only] = data;
    if (only && data.length === 1) return new ServedTarget(server, only.id, target);
    const names = data.map(({ id }) => id).join(", ");
    throw new OutriderError(
      "which_model",
      `${url} has ${data.length} models (${names}); let it serve the target alone`,
    );
  }

  /** Of a conversation. Rejects with what `EngineServer` rejects with once it has been asked seven times. */
  async write(request: Request): Promise<number[]> {
    for (const wait of WAITS_MS) {
      try {
        return await this.#answer(request);
      } catch (error) {
        if (!(error instanceof OutriderError && error.retryable)) throw error;
      }
      await sleep(wait);
    }
    return this.#answer(request);
  }

  async #answer({ messages, temperature, seed, maxTokens }: Request): Promise<number[]> {
    // top_p is sent because some servers have another default than 1.
    const asked = { model: this.#model, messages, temperature, top_p: 1, seed, max_tokens: maxTokens, stream: true };
    let text = "";
    let ended = false;
    for await (const { choices } of this.#server.stream("chat/completions", asked, eventSchema)) {
      text += choices[0]?.delta.content ?? "";
      ended ||= choices[0]?.finish_reason === "stop";
    }
    return this.#target.encode(text, ended);
  }

  async [Symbol.asyncDispose](): Promise<void> {}
}
