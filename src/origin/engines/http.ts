/**
 * What engines behind an HTTP server have in common: a JSON request, then one checked reply or a stream of them, or an
 * error that says whose fault it is.
 */
import { EventSourceParserStream } from "eventsource-parser/stream";
import type * as z from "zod";
import { OutriderError } from "../../core/model/errors.ts";

/** Enough for a pass over the largest prompt on a busy server. After it, the server is taken for hung. */
const TIMEOUT_MS = 120_000;
/** Characters of a server's own error message that are passed on. */
const MAX_REASON = 300;
/** Longest event of a stream, in characters: SGLang repeats all tokens so far in each. */
const MAX_EVENT = 4_000_000;

export class EngineServer {
  readonly #url: string;
  readonly name: string;
  readonly #headers: Record<string, string>;

  /** @param token sent as bearer token, if the server asks for one */
  constructor(name: string, url: string, token: string | null) {
    this.name = name;
    this.#url = url;
    this.#headers = {
      "content-type": "application/json",
      ...(token !== null && { authorization: `Bearer ${token}` }),
    };
  }

  /**
   * Rejects with `engine_unreachable` (503) or `engine_failed` (502), which may pass, or `engine_refused` (502), which
   * will not: the server answered that the request itself is wrong, or something that is no answer to it.
   */
  async post<T>(path: string, body: unknown, schema: z.ZodType<T>): Promise<T> {
    return this.#ask("POST", path, body, schema);
  }

  async get<T>(path: string, schema: z.ZodType<T>): Promise<T> {
    return this.#ask("GET", path, undefined, schema);
  }

  /** What a path has that is no JSON. Rejects as `post` does. */
  async text(path: string): Promise<string> {
    return this.#text("GET", path, undefined);
  }

  /**
   * The events of an answer that is streamed as server-sent events. Ends with the answer; leaving early ends the
   * request. Every event or comment restarts the timeout. Rejects as `post` does.
   */
  async *stream<T>(path: string, body: unknown, schema: z.ZodType<T>): AsyncGenerator<T, void> {
    const leaving = new AbortController();
    let silence: ReturnType<typeof setTimeout> | undefined;
    const listen = () => {
      clearTimeout(silence);
      silence = setTimeout(() => leaving.abort(), TIMEOUT_MS);
    };
    try {
      listen();
      const response = await this.#send("POST", path, body, leaving.signal);
      if (!response.body || !response.headers.get("content-type")?.startsWith("text/event-stream")) {
        throw this.#failure("engine_refused", `sent no stream of events from ${path}`, false);
      }
      const parser = new EventSourceParserStream({ onComment: listen, maxBufferSize: MAX_EVENT });
      for await (const { data } of response.body.pipeThrough(new TextDecoderStream()).pipeThrough(parser)) {
        listen();
        if (data !== "[DONE]") yield this.#parse(path, data, schema);
      }
    } catch (cause) {
      throw cause instanceof OutriderError ? cause : this.#silent(cause);
    } finally {
      clearTimeout(silence);
      leaving.abort();
    }
  }

  async #ask<T>(method: string, path: string, body: unknown, schema: z.ZodType<T>): Promise<T> {
    return this.#parse(path, await this.#text(method, path, body), schema);
  }

  async #text(method: string, path: string, body: unknown): Promise<string> {
    const response = await this.#send(method, path, body, AbortSignal.timeout(TIMEOUT_MS));
    return response.text().catch((cause) => {
      throw this.#silent(cause);
    });
  }

  /** Resolves to a response whose status is good. */
  async #send(method: string, path: string, body: unknown, signal: AbortSignal): Promise<Response> {
    let response: Response;
    let refusal = "";
    try {
      response = await fetch(new URL(path, this.#url), {
        method,
        headers: this.#headers,
        signal,
        ...(body !== undefined && { body: JSON.stringify(body) }),
      });
      if (response.status >= 400)
        refusal = `answered ${response.status}: ${(await response.text()).slice(0, MAX_REASON)}`;
    } catch (cause) {
      throw this.#silent(cause);
    }
    // A server that is busy has time later.
    if (response.status >= 500 || response.status === 429) throw this.#failure("engine_failed", refusal, true);
    if (response.status >= 400) throw this.#failure("engine_refused", refusal, false);
    return response;
  }

  #parse<T>(path: string, text: string, schema: z.ZodType<T>): T {
    const parsed = schema.safeParse(json(text));
    if (parsed.success) return parsed.data;
    const issue = parsed.error.issues[0];
    const what = `${issue?.path.join(".") ?? ""}: ${issue?.message ?? "invalid"}`;
    throw this.#failure("engine_refused", `sent no answer to ${path} that could be read (${what})`, false);
  }

  #silent(cause: unknown): OutriderError {
    return this.#failure("engine_unreachable", "does not answer; is it running?", true, cause);
  }

  #failure(code: string, what: string, retryable: boolean, cause?: unknown): OutriderError {
    const status = code === "engine_unreachable" ? 503 : 502;
    return new OutriderError(code, `the ${this.name} server ${what}`, { status, retryable, cause });
  }
}

function json(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
