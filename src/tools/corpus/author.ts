/** Runs the target: the wasm engine in threads of this process, or a server. */
import type { ChatMessage } from "../../core/model/chat.ts";

/** Is sampled from the plain distribution: without top_k, top_p or min_p. */
export interface Request {
  /** Token ids. */
  readonly prompt: readonly number[];
  /** The conversation that `prompt` is the rendering of; undefined for a prompt that is to be continued as it is. */
  readonly messages: readonly ChatMessage[] | undefined;
  readonly temperature: number;
  readonly seed: number;
  readonly maxTokens: number;
}

export interface Author extends AsyncDisposable {
  /** Number of requests that are worth running together. */
  readonly atOnce: number;
  /**
   * The target's answer in token ids. The last is an end token if the target ended the answer itself. Rejects with an
   * OutriderError.
   */
  write(request: Request): Promise<number[]>;
}
