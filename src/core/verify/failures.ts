/** Failures of the origin, or of the way to it, as errors that a client of the edge understands. */
import { REFUSALS } from "../grammar/source.ts";
import { OutriderError } from "../model/errors.ts";

/** No socket. An OutriderError that names the reason is passed on. */
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

/** The code of what an origin did not foresee. */
export const INTERNAL = "internal";

/** A fault of the origin that comes back: others may be well, and so may another request. */
export const repeated = (error: OutriderError): OutriderError =>
  new OutriderError(error.code, `${error.message}; it was tried twice`, { status: 502, cause: error });

/** A socket that broke. */
export const socketLost = (why: string): OutriderError =>
  new OutriderError("origin_lost", `the connection to the origin was lost: ${why}`, { status: 503, retryable: true });

/** An origin that says nothing. */
export const silent = (ms: number): OutriderError =>
  new OutriderError("origin_timeout", `the origin was silent for ${ms} ms`, { status: 504, retryable: true });

/** An origin that is there, and decides nothing. */
export const tokenless = (ms: number): OutriderError =>
  new OutriderError("origin_timeout", `the origin decided nothing within ${ms} ms`, { status: 504, retryable: true });

/** An origin that breaks the rules of the wire. */
export const badVerdict = (what: string): OutriderError =>
  new OutriderError("bad_verdict", `the origin sent a verdict that ${what}`, { status: 502, retryable: true });

/**
 * Codes of the origin that concern the client's request. All others concern how edge and origin are set up, `bad_token`
 * too: the edge has checked the client's ids.
 */
const REQUEST_ERRORS: Readonly<Record<string, number>> = {
  ...Object.fromEntries(REFUSALS.map((code) => [code, 400])),
  context_exceeded: 400,
  empty_prompt: 400,
  nothing_allowed: 400,
  unsupported_rule: 400,
  unsupported_parameter: 400,
  session_taken: 409,
  overloaded: 503,
  kv_full: 503,
};

/**
 * A refusal of the origin as a client of the edge sees it: of its words one line, and no code but a plain name.
 * @param formField the field that asks for the answer's form
 */
export const refusal = (code: string, message: string, retryable: boolean, formField = "response_format") =>
  new OutriderError(
    /^[a-z][a-z0-9_]{0,39}$/.test(code) ? code : "origin_failed",
    `the origin refused: ${line(message)}`,
    {
      status: REQUEST_ERRORS[code] ?? 502,
      retryable,
      ...(REFUSALS.includes(code) && { param: formField }),
    },
  );

/** Of an origin's words a client gets so many characters. */
const MOST_CHARACTERS = 300;

/** The first line of a text: what follows is a stack more often than not. */
function line(text: string): string {
  const [first = ""] = text
    .trimStart()
    .slice(0, 4 * MOST_CHARACTERS)
    .split(/[\r\n\u2028\u2029]/, 1);
  const plain = first.replaceAll(/[\p{Cc}\p{Cf}\p{Cs}]/gu, " ").trim();
  return plain.length > MOST_CHARACTERS ? `${plain.slice(0, MOST_CHARACTERS)}…` : plain;
}
