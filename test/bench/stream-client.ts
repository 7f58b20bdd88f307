/** One streamed question, and when its tokens came. */
import type { Account, Timings } from "../../src/edge/reply.ts";
import { ask, type ChatOptions, postChat } from "../support/chat.ts";

export interface Streamed {
  readonly timings: Timings;
  readonly account: Account;
  /** Of a steady clock, ms. */ readonly askedAt: number;
  /** Chunks that carry words, and how many tokens each brought. */
  readonly arrivals: readonly { readonly at: number; readonly tokens: number }[];
}

/** Rejects with the service's own message when it refuses. */
export async function chatStream(url: string, prompt: string, options: ChatOptions): Promise<Streamed> {
  const askedAt = performance.now();
  const traced = { ...options, outrider: { ...options.outrider, trace: true } };
  const response = await postChat(url, ask(prompt), traced, true);
  if (!response.ok || !response.body) throw new Error(`${response.status}: ${await response.text()}`);
  const arrivals: { at: number; tokens: number }[] = [];
  let [timings, account]: [Timings | undefined, Account | undefined] = [undefined, undefined];
  let rest = "";
  for await (const text of response.body.pipeThrough(new TextDecoderStream())) {
    const at = performance.now();
    const events = (rest + text).split("\n\n");
    rest = events.pop()!;
    for (const event of events) {
      const data = event.replace(/^data: /, "");
      if (!data.startsWith("{")) continue;
      const chunk = JSON.parse(data);
      if (chunk.error) throw new Error(chunk.error.message);
      const shown = chunk.outrider?.tokens?.length ?? 0;
      if (shown > 0) arrivals.push({ at, tokens: shown });
      timings = chunk.timings ?? timings;
      if (chunk.outrider?.answered_by) account = chunk.outrider;
    }
  }
  if (!timings || !account) throw new Error("the stream ended without its account");
  return { timings, account, askedAt, arrivals };
}
