/** Failures of the origin, or of the way to it, as errors that a client of the edge understands. */
import { OutriderError } from "../model/errors.ts";

/** No socket, or one that failed. An OutriderError that names the reason is passed on. */
export const unreachable = (cause: unknown): OutriderError =>
  cause instanceof OutriderError
    ? cause
    : new OutriderError(
        "origin_unreachable",
        `the origin cannot be reached: ${cause instanceof Error ? cause.message : cause}`,
        { status: 503, retryable: true, cause },
      );

/** What a client of the edge sees when all tries have failed: this request has failed for good, another may succeed. */
export const final = (error: OutriderError): OutriderError =>
  new OutriderError(error.code, `${error.message}; it was tried several times`, {
    status: error.status === 504 ? 504 : 503,
    retryable: true,
    cause: error,
  });

/** Codes of the origin that concern the client's request. All others concern how edge and origin are set up. */
const REQUEST_ERRORS: Readonly<Record<string, number>> = {
  context_exceeded: 400,
  bad_token: 400,
  empty_prompt: 400,
  unsupported_rule: 400,
  session_taken: 409,
  overloaded: 503,
  kv_full: 503,
};

/** A refusal of the origin as a client of the edge sees it. */
export const refusal = (code: string, message: string, retryable: boolean): OutriderError =>
  new OutriderError(code, `the origin refused: ${message}`, { status: REQUEST_ERRORS[code] ?? 502, retryable });
