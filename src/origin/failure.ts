/** What an error looks like from outside. */
import { OutriderError } from "../model/errors.ts";

/** Errors nobody foresaw go to the log, and only their existence to the caller. */
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
