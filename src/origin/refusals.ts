/** What the origin's door says no with. */
import { OutriderError } from "../model/errors.ts";

/** @param what method and path */
export const noRoute = (what: string) =>
  new OutriderError("not_found", `no such route: ${what}; an origin has GET /health, GET /metrics and /v1/verify`, {
    status: 404,
  });

export const draining = () =>
  new OutriderError("draining", "the origin is shutting down and takes nothing new; try again in a moment", {
    status: 503,
    retryable: true,
  });

/** @param what there is no room for */
export const overloaded = (what: string) =>
  new OutriderError("overloaded", `the origin has as many ${what} as it can serve; try again in a second`, {
    status: 429,
    retryable: true,
  });
