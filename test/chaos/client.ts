/** One request as a client makes it, everything that came back, and whether that is what it may be. */
import type { Ask, Right } from "./asks.ts";

/** What a client sees of one answer. */
export interface Seen {
  /** 0: the connection broke before there was a status. */
  readonly status: number;
  readonly text: string;
  /** Ids of the answer's tokens; null where the answer did not come to its end. */
  readonly tokens: readonly number[] | null;
  /** Whatever has the shape of OpenAI's error. */
  readonly errors: readonly { readonly code: string; readonly message: string }[];
  /** The stream or body came to its end as it should. */
  readonly whole: boolean;
  /** Something came behind an error. */
  readonly afterError: boolean;
  /** The account says that the origin was lost in the middle of it. */
  readonly interrupted: boolean;
}

/** A client waits so long; an edge that answers nobody is found out. */
const MOST_MS = 150_000;

/** When a client leaves. */
export interface Leaving {
  /** At this part of a stream; of another answer after so many times 30 ms. */
  readonly chunk: number;
  /** Names the client to the edge, and tells the edge that it has left. */
  readonly client: string;
  gone(): Promise<void>;
}

const CHUNK_MS = 30;

/** @param onChunk called with the number of each part of a stream */
export async function ask(
  url: string,
  body: Ask,
  affinity: string,
  leaving: Leaving | null = null,
  onChunk: (n: number) => void = () => {},
): Promise<Seen> {
  const seen = {
    status: 0,
    text: "",
    tokens: null as number[] | null,
    errors: [] as { code: string; message: string }[],
  };
  const state = { whole: false, afterError: false, interrupted: false, chunks: 0 };
  const abort = new AbortController();
  const timeout = setTimeout(() => abort.abort(new Error("hangs")), MOST_MS);
  const leave = () => {
    abort.abort();
    void leaving?.gone().catch(() => {});
  };
  const leaves = leaving && !body.stream ? setTimeout(leave, CHUNK_MS * leaving.chunk) : undefined;
  const error = (given: { code: string; message: string }) => seen.errors.push(given);
  try {
    const response = await fetch(`${url}/v1/chat/completions`, {
      method: "POST",
      headers: {
        "content-type": "application/json",
        "x-session-affinity": affinity,
        ...(leaving && { "x-chaos-client": leaving.client }),
      },
      body: JSON.stringify(body),
      signal: abort.signal,
    });
    seen.status = response.status;
    if (!response.ok || !body.stream) {
      const answer = JSON.parse(await response.text());
      if (answer.error) error(answer.error);
      else {
        seen.text = answer.choices[0].message.content;
        state.interrupted = Boolean(answer.outrider.interrupted);
        seen.tokens = answer.outrider.tokens.map(({ id }: { id: number }) => id);
      }
      state.whole = true;
    } else {
      let held = "";
      const streamed: number[] = [];
      for await (const part of response.body!.pipeThrough(new TextDecoderStream())) {
        onChunk(state.chunks);
        if (leaving && state.chunks >= leaving.chunk) {
          leave();
          break;
        }
        state.chunks++;
        held += part;
        const events = held.split("\n\n");
        held = events.pop()!;
        for (const event of events) {
          const data = event.replace(/^data: /, "");
          if (seen.errors.length > 0 && data !== "[DONE]") state.afterError = true;
          if (data === "[DONE]") {
            state.whole = true;
            seen.tokens = streamed;
          } else {
            const chunk = JSON.parse(data);
            if (chunk.error) error(chunk.error);
            seen.text += chunk.choices?.[0]?.delta?.content ?? "";
            if (chunk.outrider?.tokens) streamed.push(...chunk.outrider.tokens.map(({ id }: { id: number }) => id));
            if (chunk.outrider?.interrupted) state.interrupted = true;
          }
        }
      }
    }
  } catch (cause) {
    if (String(abort.signal.reason).includes("hangs")) error({ code: "hangs", message: `no end after ${MOST_MS} ms` });
    else if (seen.status === 0 && !abort.signal.aborted) error({ code: "broken", message: String(cause) });
  } finally {
    clearTimeout(timeout);
    clearTimeout(leaves);
  }
  const { whole, afterError, interrupted } = state;
  return { ...seen, whole, afterError, interrupted };
}

/**
 * What is wrong with an answer; null where it is the undisturbed one, or the beginning of it and one clear error.
 *
 * @param mayBreak the client left, or workerd was killed: then the connection may end anywhere
 */
export function faultIn(seen: Seen, right: Right, mayBreak: boolean): string | null {
  const { status, text, tokens, errors, whole, afterError } = seen;
  if (errors.some(({ code }) => code === "hangs")) return "no end";
  if (!right.text.startsWith(text)) return `another text: ${JSON.stringify(text)} for ${JSON.stringify(right.text)}`;
  if (afterError) return "something comes behind the error";
  if (errors.length > 1) return `${errors.length} errors`;
  const [error] = errors;
  if (error?.code === "broken" || (!whole && !error)) return mayBreak ? null : "the connection broke";
  if (error) {
    if (status === 500 || error.code === "internal_error") return `an error that nobody foresaw: ${error.message}`;
    if (/\n|\bat .*:\d+:\d+|node:|file:/.test(error.message)) return `an error with a stack: ${error.message}`;
    return error.message.length > 500 ? "an error of more than 500 characters" : null;
  }
  if (text !== right.text) return `a text cut short: ${JSON.stringify(text)} for ${JSON.stringify(right.text)}`;
  if (tokens?.join() !== right.tokens.join()) return `tokens ${tokens?.join()} for ${right.tokens.join()}`;
  return null;
}
