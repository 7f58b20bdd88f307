/** A 429 that says when to come back, and with which headers. */
import { OutriderError } from "../../core/model/errors.ts";

export class RateLimited extends OutriderError {
  readonly headers: Readonly<Record<string, string>>;

  /** @param limit whose and which limit was met, as the beginning of a sentence */
  constructor(limit: string, retryMs: number, headers: Readonly<Record<string, string>> = {}) {
    const seconds = Math.max(1, Math.ceil(retryMs / 1000));
    super("rate_limit_exceeded", `${limit}; try again in ${seconds} s`, { status: 429, retryable: true });
    this.headers = { ...headers, "retry-after": `${seconds}` };
  }
}
