/**
 * The way to the origin: a WebSocket through the service binding to the embedded origin, or over the network to a URL.
 */
import { OutriderError } from "../model/errors.ts";
import type { Env } from "./env.ts";

/**
 * One socket to the origin, not yet accepted. Rejects with `origin_missing` or `origin_unreachable` (503, retryable),
 * or with what the origin itself answered to the upgrade.
 */
export async function openSocket(env: Env): Promise<WebSocket> {
  const headers = new Headers({ upgrade: "websocket" });
  if (env.ORIGIN_TOKEN) headers.set("authorization", `Bearer ${env.ORIGIN_TOKEN}`);
  let response: Response;
  try {
    if (env.ORIGIN_URL) response = await fetch(new URL("/v1/verify", env.ORIGIN_URL), { headers });
    else if (env.ORIGIN) response = await env.ORIGIN.fetch("http://origin/v1/verify", { headers });
    else {
      throw new OutriderError("origin_missing", "no origin is configured; set ORIGIN_URL or bind ORIGIN", {
        status: 503,
      });
    }
  } catch (cause) {
    if (cause instanceof OutriderError) throw cause;
    throw unreachable("it does not answer", true, cause);
  }
  return response.webSocket ?? Promise.reject(await refused(response));
}

const unreachable = (why: string, retryable: boolean, cause: unknown) =>
  new OutriderError("origin_unreachable", `the origin cannot be reached: ${why}`, { status: 503, retryable, cause });

/** The origin's busy answer is passed on; whatever else it says is the operator's business, and a 503 to clients. */
async function refused(response: Response): Promise<OutriderError> {
  const text = (await response.text()).slice(0, 500);
  if (response.status === 429) {
    return new OutriderError("origin_busy", "the origin is serving as many generations as it can; try again shortly", {
      status: 429,
      retryable: true,
    });
  }
  // A token that is wrong or a path that is not there will be so again in a second.
  const retryable = response.status >= 500;
  return unreachable(`it answered the upgrade with status ${response.status}`, retryable, new Error(text));
}

const LOST: ReadonlySet<string> = new Set(["origin_missing", "origin_unreachable", "origin_timeout"]);

/** Whether an error means that there is no origin to ask, rather than one that refuses. */
export const originLost = (error: unknown): boolean => error instanceof OutriderError && LOST.has(error.code);
