/** One streamed question, and when its tokens came. */
import type { Account, Timings } from "../../src/edge/api/outcome.ts";
import { ask, type ChatOptions, postChat } from "../support/chat.ts";
import { readEvents } from "../support/events.ts";

export interface Streamed {
  readonly timings: Timings;
  readonly account: Account;
  /** Times of a monotonic clock, in ms. */
  readonly askedAt: number;
  /** Chunks with text, and the number of tokens in each. */
  readonly arrivals: readonly { readonly at: number; readonly tokens: number }[];
}

/** The fields of a chunk that are read. */
interface Chunk {
  readonly timings?: Timings;
  readonly outrider?: Partial<Account> & { readonly tokens?: readonly unknown[] };
}

/** Rejects with the service's own message when it refuses. */
export async function chatStream(url: string, prompt: string, options: ChatOptions): Promise<Streamed> {
  const askedAt = performance.now();
  const traced = { ...options, outrider: { ...options.outrider, trace: true } };
  const response = await postChat(url, ask(prompt), traced, true);
  if (!response.ok || !response.body) throw new Error(`${response.status}: ${await response.text()}`);
  const arrivals: { at: number; tokens: number }[] = [];
  let timings: Timings | undefined;
  let account: Account | undefined;
  for await (const event of readEvents(response.body)) {
    const chunk = event as Chunk;
    const shown = chunk.outrider?.tokens?.length ?? 0;
    if (shown > 0) arrivals.push({ at: performance.now(), tokens: shown });
    timings = chunk.timings ?? timings;
    if (chunk.outrider?.draft) account = chunk.outrider as Account;
  }
  if (!timings || !account) throw new Error("the stream ended without its account");
  return { timings, account, askedAt, arrivals };
}
