/**
 * W3C Trace Context (https://www.w3.org/TR/trace-context): a client's `traceparent` goes on to the origin, so that what
 * the client, the edge and the origin log about one answer has one id. A request without one begins a trace.
 */
import { hex } from "../../core/model/sha256.ts";
import type { Origin } from "./origins.ts";

export const TRACEPARENT = "traceparent";

const FORM = /^00-(?!0{32})([0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-([0-9a-f]{2})$/;
const REQUEST_ID = /^req_([0-9a-f]{32})$/;

/** What the Session sends on: the client's trace with a span of its own, or a trace named by the request's id. */
export function traceOf(given: string | null, requestId: string): string {
  const known = FORM.exec(given ?? "");
  const trace = known?.[1] ?? REQUEST_ID.exec(requestId)?.[1] ?? random(16);
  return `00-${trace}-${random(8)}-${known?.[2] ?? "00"}`;
}

/** The 32 hex digits that all parts of a trace share. */
export const traceId = (traceparent: string): string => traceparent.slice(3, 35);

/** The origin, whose requests carry the trace. */
export const traced = (origin: Origin, traceparent: string): Origin => ({
  ...origin,
  fetch(path, init = {}) {
    const headers = new Headers(init.headers);
    headers.set(TRACEPARENT, traceparent);
    return origin.fetch(path, { ...init, headers });
  },
});

const random = (bytes: number): string => hex(crypto.getRandomValues(new Uint8Array(bytes)).buffer);
