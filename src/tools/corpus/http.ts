/** JSON over HTTP to a server that may be busy. Requests that may succeed later are tried again. */
import { setTimeout as sleep } from "node:timers/promises";
import * as z from "zod";
import { OutriderError } from "../../core/model/errors.ts";

/** Waits between attempts where the server names none. */
export const RETRY_MS: readonly number[] = [1_000, 2_000, 4_000, 8_000, 16_000, 32_000];

const errorSchema = z.object({ error: z.object({ message: z.string() }) });

interface Answer {
  readonly status: number;
  readonly text: string;
  /** How long the server asks to wait, or NaN. */
  readonly waitMs: number;
}

export class JsonClient {
  readonly #base: string;
  readonly #token: string | undefined;
  readonly #retryMs: readonly number[];
  readonly #closed = new AbortController();
  #reached = false;

  /** `base` ends in /v1; `token` is sent as bearer token. */
  constructor(base: string, token: string | undefined, retryMs: readonly number[]) {
    this.#base = base.replace(/\/+$/, "");
    this.#token = token;
    this.#retryMs = retryMs;
  }

  /**
   * The JSON of the server's answer. Statuses 429 and 5xx are tried again after the time that the server asks for, or
   * after a growing time. Rejects with `unavailable` when the server stays busy or cannot be reached, with `refused`
   * for another status, which is the error's `status`, and with `bad_answer` for anything but JSON of this shape.
   */
  async fetch<T>(route: string, body: object | undefined, shape: z.ZodType<T>): Promise<T> {
    const url = this.#base + route;
    for (let attempt = 0; ; attempt++) {
      const answer = await this.#attempt(url, body);
      if (!(answer instanceof Error) && answer.status < 400) return read(url, answer.text, shape);
      const why = answer instanceof Error ? reason(answer) : `${answer.status}: ${complaint(answer.text)}`;
      const passing = answer instanceof Error ? this.#reached : isPassing(answer.status);
      if (!passing) throw answer instanceof Error ? this.#unreachable(url, why) : refused(url, answer.status, why);
      const wait = this.#retryMs[attempt];
      if (wait === undefined) {
        const times = `${attempt + 1} times`;
        throw new OutriderError("unavailable", `${url} failed ${times}, lastly with ${why}; run this again to go on`);
      }
      const asked = answer instanceof Error ? Number.NaN : answer.waitMs;
      await sleep(Number.isNaN(asked) ? wait : asked, undefined, { signal: this.#closed.signal });
    }
  }

  /** Ends requests and waits under way. */
  close(): void {
    this.#closed.abort();
  }

  async #attempt(url: string, body: object | undefined): Promise<Answer | Error> {
    try {
      const response = await fetch(url, {
        headers: {
          ...(body && { "content-type": "application/json" }),
          ...(this.#token !== undefined && { authorization: `Bearer ${this.#token}` }),
        },
        ...(body && { method: "POST", body: JSON.stringify(body) }),
        signal: this.#closed.signal,
      });
      const text = await response.text();
      this.#reached = true;
      return { status: response.status, text, waitMs: retryAfter(response.headers.get("retry-after")) };
    } catch (error) {
      this.#closed.signal.throwIfAborted();
      return error as Error;
    }
  }

  #unreachable(url: string, why: string): OutriderError {
    return new OutriderError(
      "unavailable",
      `nothing answers at ${url}: ${why}; is --url right, and does it end in /v1?`,
    );
  }
}

const isPassing = (status: number): boolean => status === 429 || (status >= 500 && status !== 501);

function refused(url: string, status: number, why: string): OutriderError {
  const advice = status === 401 || status === 403 ? "; give the key with --token-file" : "";
  return new OutriderError("refused", `${url} answered ${why}${advice}`, { status });
}

function read<T>(url: string, text: string, shape: z.ZodType<T>): T {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    throw new OutriderError(
      "bad_answer",
      `${url} answered no JSON: ${excerpt(text)}; is --url right, and does it end in /v1?`,
    );
  }
  const { success, data, error } = shape.safeParse(json);
  if (success) return data;
  const { path, message } = error.issues[0]!;
  throw new OutriderError("bad_answer", `${url} answered not as OpenAI's API does: ${path.join(".")}: ${message}`);
}

/** Milliseconds of a retry-after header, seconds or a date (RFC 9110 §10.2.3); NaN where there is none. */
function retryAfter(header: string | null): number {
  if (header === null) return Number.NaN;
  if (/^\d+(\.\d+)?$/.test(header)) return 1000 * Number(header);
  return Math.max(0, Date.parse(header) - Date.now());
}

/** The message of an error body in OpenAI's form, or the beginning of any other. */
function complaint(text: string): string {
  try {
    return errorSchema.parse(JSON.parse(text)).error.message;
  } catch {
    return excerpt(text);
  }
}

const excerpt = (text: string): string => JSON.stringify(text.slice(0, 200));

/** fetch puts the reason of a failure into the cause. */
const reason = (error: Error): string => (error.cause instanceof Error ? error.cause.message : error.message);
