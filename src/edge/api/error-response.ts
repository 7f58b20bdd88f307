/** Errors as OpenAI's clients read them, and as they cross from a Session to the Worker. */
import { OutriderError } from "../../core/model/errors.ts";
import { RateLimited } from "./rate-limited.ts";

/** OpenAI's error object. An error that is not ours says nothing about our insides. */
export function errorBody(error: unknown) {
  const known = knownOf(error);
  return { error: { message: known.message, type: errorType(known.status), param: known.param, code: known.code } };
}

const INTERNAL = new OutriderError(
  "internal_error",
  "internal error; the operator finds it in the log by x-request-id",
  {
    status: 500,
  },
);

const knownOf = (error: unknown): OutriderError => (error instanceof OutriderError ? error : INTERNAL);

/** An error as plain data: its class does not cross. */
export type ErrorFields = Pick<OutriderError, "code" | "message" | "status" | "retryable" | "param">;

export function errorFields(error: unknown): ErrorFields {
  const { code, message, status, retryable, param } = knownOf(error);
  return { code, message, status, retryable, param };
}

/** The error that has these fields. */
export const errorOf = ({ code, message, status, retryable, param }: ErrorFields): OutriderError =>
  new OutriderError(code, message, { status, retryable, ...(param !== null && { param }) });

const errorType = (status: number): string =>
  status === 429 ? "rate_limit_error" : status >= 500 ? "server_error" : "invalid_request_error";

/** Seconds after which a client may try again. */
const RETRY_AFTER = "2";

/**
 * An error as a response, before anything of an answer was sent.
 * @param body writes the error object of the API that was asked
 */
export function errorResponse(error: unknown, body: (error: unknown) => object = errorBody): Response {
  const known = knownOf(error);
  const headers = new Headers({ "content-type": "application/json" });
  if (known.status === 429 || known.status === 503) headers.set("retry-after", RETRY_AFTER);
  if (error instanceof RateLimited) for (const [name, value] of Object.entries(error.headers)) headers.set(name, value);
  return new Response(JSON.stringify(body(error)), { status: known.status, headers });
}
