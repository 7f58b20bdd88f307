/**
 * The one error class of the project. Every message states what was wrong, which limit was met, and what to do next.
 * `code` is for programs. `status` is the HTTP status that a client gets. `retryable` is true if the same call may
 * succeed later. `param` names the field of a request that was at fault, if one was.
 */
export class OutriderError extends Error {
  readonly code: string;
  readonly status: number;
  readonly retryable: boolean;
  readonly param: string | null;

  constructor(
    code: string,
    message: string,
    options: { status?: number; retryable?: boolean; param?: string; cause?: unknown } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = "OutriderError";
    this.code = code;
    this.status = options.status ?? 400;
    this.retryable = options.retryable ?? false;
    this.param = options.param ?? null;
  }
}

/** Work that was interrupted, and that keeps what it has done. */
export const stopped = (): OutriderError => new OutriderError("stopped", "stopped; the same command goes on from here");
