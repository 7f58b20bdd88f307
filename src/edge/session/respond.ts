/** An answer on its way to the client, streamed or whole, and what is told of it at its end. */

import type { Form, Piece } from "../api/openai/stream.ts";
import { report } from "../api/report.ts";
import type { Account } from "./account.ts";
import type { Tally } from "./answer.ts";
import type { Turn } from "./turn.ts";

const ANSWER_HEADERS = {
  "cache-control": "no-cache, no-transform",
  // Compression would hold chunks back, and hide that the client has left.
  "content-encoding": "identity",
  // Target work has been spent: SDKs must not repeat the request by themselves.
  "x-should-retry": "false",
};

/** How long the end of a turn waits for a client that takes what it is sent. */
const TAKEN_MS = 1000;

/** Resolves when what `wait` is given is called, and after `ms` in any case. */
const within = (ms: number, wait: (done: () => void) => void): Promise<void> =>
  new Promise((resolve) => {
    const late = setTimeout(resolve, ms);
    wait(() => {
      clearTimeout(late);
      resolve();
    });
  });

/** An answer that has begun: its first verdict has come. */
export interface LiveAnswer {
  readonly turn: Turn;
  readonly form: Form;
  readonly account: Account;
  readonly first: IteratorResult<Piece, Tally>;
  readonly rest: AsyncGenerator<Piece, Tally>;
  /** Resolves when what the end says to be stored is. */
  written(): Promise<void>;
  /** Keeps what is to be kept, and lets go of the rest. Does so once, and never rejects. */
  leave(): Promise<void>;
}

/** Hands each part of an answer to `send` as it is decided. Throws what breaks the answer off. */
async function write(answer: LiveAnswer, send: (part: string) => void): Promise<void> {
  const { turn, form, account, first, rest } = answer;
  try {
    send(form.begin());
    let step = first;
    for (; !step.done && !turn.closed; step = await rest.next()) send(form.piece(step.value));
    if (!step.done) return account.fail(null);
    const end = form.end(account.end(step.value));
    await answer.written();
    send(end);
  } catch (error) {
    report(turn.head.id, error);
    account.fail(error);
    throw error;
  } finally {
    await rest.return(undefined as never);
  }
}

interface Course {
  /** Begins the choice behind one that has ended; null where there is none. */
  readonly next: (answer: LiveAnswer) => Promise<LiveAnswer | null>;
  /** Ends the turn, when all of it has ended, however it ends. */
  readonly end: () => void;
  /** The response where nothing was sent before an error. */
  readonly refused: (error: unknown) => Response;
  /** Takes what goes on behind the response. */
  readonly later: (work: Promise<void>) => void;
}

/** The answer, streamed or whole, or all choices of it one after the other. */
export async function respond(first: LiveAnswer, { next, end, refused, later }: Course): Promise<Response> {
  let answer = first;
  let cancelled = false;
  const run = async (send: (part: string) => void): Promise<void> => {
    for (;;) {
      await write(answer, send);
      if (answer.turn.closed) return;
      const following = await next(answer);
      if (following === null) return;
      answer = following;
      if (cancelled) answer.turn.close();
    }
  };
  const leave = () => answer.leave().finally(end);
  const headers = { ...ANSWER_HEADERS, "content-type": first.form.contentType };
  const { failed } = first.form;
  if (!failed) {
    // Its status is decided last: behind a 200 a body could only break.
    let body = "";
    try {
      await run((part) => {
        body += part;
      });
      return new Response(body, { headers });
    } catch (error) {
      return refused(error);
    } finally {
      later(leave());
    }
  }
  const encoder = new TextEncoder();
  let taken = (): void => {};
  const stream = async (controller: ReadableStreamDefaultController<Uint8Array>): Promise<void> => {
    const send = (part: string): void => {
      if (part !== "" && !cancelled) controller.enqueue(encoder.encode(part));
    };
    await run(send).catch((error) => send(failed(error)));
    // What cannot be stored ends the object at once, with all of a stream that is still in it.
    if (!cancelled && controller.desiredSize! <= 0) await within(TAKEN_MS, (done) => (taken = done));
    if (!cancelled) controller.close();
    await scheduler.wait(0);
    await leave();
  };
  const body = new ReadableStream<Uint8Array>({
    start: (controller) => later(stream(controller)),
    pull: () => taken(),
    cancel: () => {
      cancelled = true;
      taken();
      answer.turn.close();
    },
  });
  return new Response(body, { headers });
}
