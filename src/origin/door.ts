/**
 * The origin's routes, in Web-standard requests and responses: `node.ts` and `embedded/worker.ts` bring them here.
 *
 *   GET  /health      ready: what is served and how busy it is; 503 while it takes nothing
 *   GET  /health/live alive: 503 only where a restart helps
 *   GET  /metrics     what was done since the start, for Prometheus
 *   GET  /v1/verify   upgrade to a WebSocket: one generation
 *   POST /v1/verify   one target pass: {open, draft} → a verdict, with `reason` when it ends the answer
 */
import { OutriderError } from "../core/model/errors.ts";
import type { Verdict } from "../core/speculate/types.ts";
import { decodeVerifyBody, MAX_FRAME_CHARS } from "../core/verify/protocol.ts";
import { errorResponse, noRoute } from "./errors.ts";
import type { Gateway } from "./gateway.ts";

const METRICS_TYPE = "text/plain; version=0.0.4; charset=utf-8";

/** Answers everything that is not an upgrade. */
export async function answer(gateway: Gateway, request: Request): Promise<Response> {
  try {
    const route = `${request.method} ${new URL(request.url).pathname}`;
    const authorization = request.headers.get("authorization");
    if (route === "GET /health") {
      const health = gateway.health();
      return Response.json(health, { status: health.status === "ok" ? 200 : 503 });
    }
    if (route === "GET /health/live") {
      // Only a restart helps an engine that has trapped.
      return Response.json(
        { status: gateway.healthy ? "ok" : "engine_trapped" },
        { status: gateway.healthy ? 200 : 503 },
      );
    }
    if (route === "GET /metrics") {
      await gateway.authorise(authorization);
      return new Response(gateway.metrics(), { headers: { "content-type": METRICS_TYPE } });
    }
    if (route !== "POST /v1/verify") throw noRoute(route);
    await gateway.authorise(authorization);
    gateway.admit("request");
    return await verifyOnce(gateway, request);
  } catch (error) {
    gateway.failed(error);
    return errorResponse(error);
  }
}

/** Whether an upgrade may go ahead: null, or the response that refuses it. */
export async function refusal(
  gateway: Gateway,
  { path, authorization }: { readonly path: string; readonly authorization: string | null },
): Promise<Response | null> {
  try {
    if (path !== "/v1/verify") throw noRoute(path);
    await gateway.authorise(authorization);
    gateway.admit("socket");
    return null;
  } catch (error) {
    gateway.failed(error);
    return errorResponse(error);
  }
}

async function verifyOnce(gateway: Gateway, request: Request): Promise<Response> {
  const { open, draft } = decodeVerifyBody(await bodyOf(request));
  const generation = gateway.generation(open);
  generation.draft({ position: generation.promptTokens, tokens: draft });
  request.signal.addEventListener("abort", () => generation.leave());
  if (request.signal.aborted) generation.leave();
  const verdicts: Verdict[] = [];
  const reason = await gateway.run(generation, (verdict) => {
    verdicts.push(verdict);
    generation.leave();
  });
  const [verdict] = verdicts;
  if (!verdict) throw new OutriderError("closed", "the caller went away before the pass", { status: 499 });
  return Response.json({ type: "verdict", ...verdict, reason });
}

/** The body as text. Reads no further than the limit; a longer one is refused with 413. */
async function bodyOf({ body }: Request): Promise<string> {
  let text = "";
  for await (const part of (body ?? new ReadableStream()).pipeThrough(new TextDecoderStream())) {
    text += part;
    if (text.length > MAX_FRAME_CHARS) {
      throw new OutriderError("body_too_large", `the limit for a body is ${MAX_FRAME_CHARS} characters`, {
        status: 413,
      });
    }
  }
  return text;
}
