/**
 * The origin's routes, in Web-standard requests and responses: `node.ts` and `embedded/worker.ts` bring them here.
 *
 *   GET  /health      ready: what is served and how busy it is; 503 while it takes nothing
 *   GET  /health/live alive: 503 only where a restart helps
 *   GET  /metrics     what was done since the start, for Prometheus
 *   GET  /v1/verify   upgrade to a WebSocket: one generation
 */
import { errorResponse, noRoute } from "./errors.ts";
import type { Gateway } from "./gateway.ts";

const METRICS_TYPE = "text/plain; version=0.0.4; charset=utf-8";

/** Answers everything that is not an upgrade. */
export async function answer(gateway: Gateway, request: Request): Promise<Response> {
  try {
    const route = `${request.method} ${new URL(request.url).pathname}`;
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
    if (route !== "GET /metrics") throw noRoute(route);
    await gateway.authorise(request.headers.get("authorization"));
    return new Response(gateway.metrics(), { headers: { "content-type": METRICS_TYPE } });
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
    gateway.admit();
    return null;
  } catch (error) {
    gateway.failed(error);
    return errorResponse(error);
  }
}
