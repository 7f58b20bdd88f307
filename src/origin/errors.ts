/** What the origin refuses, and what an error looks like from outside. */
import { OutriderError } from "../core/model/errors.ts";

/** @param what method and path */
export const noRoute = (what: string) =>
  new OutriderError("not_found", `no such route: ${what}; an origin has GET /health, GET /metrics and /v1/verify`, {
    status: 404,
  });

export const unauthorized = () =>
  new OutriderError("unauthorized", "this origin needs its bearer token in the authorization header", { status: 401 });

export const draining = () =>
  new OutriderError("draining", "the origin is shutting down and takes nothing new; try again in a moment", {
    status: 503,
    retryable: true,
  });

/** @param what of which there are too many */
export const overloaded = (what: string) =>
  new OutriderError("overloaded", `the origin has as many ${what} as it can serve; try again in a second`, {
    status: 429,
    retryable: true,
  });

/** An error that nobody foresaw goes to the log; its caller only learns that there was one. */
export function asOutriderError(error: unknown): OutriderError {
  if (error instanceof OutriderError) return error;
  console.error(error);
  return new OutriderError("internal", "the origin failed unexpectedly; its log says more", {
    status: 500,
    retryable: true,
  });
}

export function errorResponse(error: unknown): Response {
  const { code, message, retryable, status } = asOutriderError(error);
  const headers: Record<string, string> = retryable ? { "retry-after": "1" } : {};
  return Response.json({ type: "error", code, message, retryable }, { status, headers });
}
