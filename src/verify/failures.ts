/** What went wrong at the origin or on the way to it, as errors that a client of the edge understands. */
import { OutriderError } from "../model/errors.ts";

/** No socket, or one that failed; an OutriderError already says why. */
export const unreachable = (cause: unknown): OutriderError =>
  cause instanceof OutriderError
    ? cause
    : new OutriderError(
        "origin_unreachable",
        `the origin cannot be reached: ${cause instanceof Error ? cause.message : cause}`,
        {
          status: 503,
          retryable: true,
          cause,
        },
      );

/**
 * What a client of the edge should see when the tries are used up: never a success later on the same attempt, maybe on
 * another.
 */
export const final = (error: OutriderError): OutriderError =>
  new OutriderError(error.code, `${error.message}; it was tried several times`, {
    status: error.status === 504 ? 504 : 503,
    retryable: true,
    cause: error,
  });

/** Codes of the origin that are about the request; anything else is about how edge and origin are set up. */
const REQUEST_ERRORS: Readonly<Record<string, number>> = {
  context_exceeded: 400,
  bad_token: 400,
  empty_prompt: 400,
  unsupported_rule: 400,
  session_taken: 409,
  overloaded: 503,
  kv_full: 503,
};

/** What the origin said no to, as a client of the edge should see it. */
export const refusal = (code: string, message: string, retryable: boolean): OutriderError =>
  new OutriderError(code, `the origin refused: ${message}`, { status: REQUEST_ERRORS[code] ?? 502, retryable });
