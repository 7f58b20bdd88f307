/** Whoever runs the target: the wasm engine in threads of this process, or a server. */
import type { ChatMessage } from "../model/chat.ts";

export interface Request {
  /** Token ids that the answer follows. */
  readonly prompt: readonly number[];
  /** The conversation that `prompt` renders; undefined where it is to be continued as it stands. */
  readonly messages: readonly ChatMessage[] | undefined;
  /** The plain distribution at this temperature: no top_k, top_p or min_p. */
  readonly temperature: number;
  readonly seed: number;
  readonly maxTokens: number;
}

export interface Author extends AsyncDisposable {
  /** Requests that are worth having at work together. */
  readonly atOnce: number;
  /**
   * What the target writes, in token ids; the last is the one that ends a turn if it ended itself. Rejects with an
   * OutriderError.
   */
  write(request: Request): Promise<number[]>;
}
