/** What engines behind an HTTP server have in common: one JSON request, one checked reply, or an error that says whose fault it is. */
import type * as z from "zod";
import { OutriderError } from "../../model/errors.ts";

/** A pass of the largest prompt on a busy server; beyond it the server is taken for hung. */
const TIMEOUT_MS = 120_000;
/** Of what a server says when it refuses, this much goes on. */
const MAX_REASON = 300;

export class EngineServer {
  readonly #url: string;
  readonly #name: string;
  readonly #headers: Record<string, string>;

  /** @param token sent as bearer token, if the server asks for one */
  constructor(name: string, url: string, token: string | null) {
    this.#name = name;
    this.#url = url;
    this.#headers = {
      "content-type": "application/json",
      ...(token !== null && { authorization: `Bearer ${token}` }),
    };
  }

  /**
   * Rejects with `engine_unreachable` (503) or `engine_failed` (502), which may pass, or `engine_refused` (502), which will not:
   * the server answered that the request itself is wrong, or something that is no answer to it.
   */
  async post<T>(path: string, body: unknown, schema: z.ZodType<T>): Promise<T> {
    return this.#ask("POST", path, body, schema);
  }

  async get<T>(path: string, schema: z.ZodType<T>): Promise<T> {
    return this.#ask("GET", path, undefined, schema);
  }

  async #ask<T>(method: string, path: string, body: unknown, schema: z.ZodType<T>): Promise<T> {
    let [status, text] = [0, ""];
    try {
      const response = await fetch(new URL(path, this.#url), {
        method,
        headers: this.#headers,
        signal: AbortSignal.timeout(TIMEOUT_MS),
        ...(body !== undefined && { body: JSON.stringify(body) }),
      });
      status = response.status;
      text = await response.text();
    } catch (cause) {
      throw this.#failure("engine_unreachable", "does not answer; is it running?", true, cause);
    }
    if (status >= 500) throw this.#failure("engine_failed", `answered ${status}: ${text.slice(0, MAX_REASON)}`, true);
    if (status >= 400) throw this.#failure("engine_refused", `answered ${status}: ${text.slice(0, MAX_REASON)}`, false);
    const parsed = schema.safeParse(json(text));
    if (parsed.success) return parsed.data;
    const issue = parsed.error.issues[0];
    const what = `${issue?.path.join(".") ?? ""}: ${issue?.message ?? "invalid"}`;
    throw this.#failure("engine_refused", `sent no answer to ${path} that could be read (${what})`, false);
  }

  #failure(code: string, what: string, retryable: boolean, cause?: unknown): OutriderError {
    const status = code === "engine_unreachable" ? 503 : 502;
    return new OutriderError(code, `the ${this.#name} server ${what}`, { status, retryable, cause });
  }
}

function json(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
