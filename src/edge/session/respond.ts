/** An answer on its way to the client, streamed or whole, and what is told of it at its end. */

import { errorResponse } from "../api/error-response.ts";
import type { Form, Piece } from "../api/openai/stream.ts";
import type { Outcome } from "../api/outcome.ts";
import type { SessionPlace } from "../api/placement-schema.ts";
import { report } from "../api/report.ts";
import type { Tally } from "./answer.ts";
import type { AnswerLine, Circumstance } from "./answer-line.ts";
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

/** The pieces of an answer, of which the first has been waited for. */
export interface Begun {
  readonly first: IteratorResult<Piece, Tally>;
  readonly rest: AsyncGenerator<Piece, Tally>;
}

/** What an answer's end is told to. */
interface Told {
  readonly line: AnswerLine;
  readonly circumstance: () => Circumstance;
  /** Completes the answer's account. */
  readonly account: (outcome: Outcome, place: SessionPlace) => Outcome;
  /** Resolves when what the end says to be stored is. */
  readonly written: () => Promise<void>;
}

/**
 * The answer, streamed or whole; the turn ends when it ends, however it ends.
 * @param leave keeps what is to be kept, and lets the next turn in
 * @param later takes what goes on behind the response
 */
export async function respond(
  turn: Turn,
  form: Form,
  { first, rest }: Begun,
  { line, circumstance, account, written }: Told,
  leave: () => Promise<void>,
  later: (work: Promise<void>) => void,
): Promise<Response> {
  /** Hands each part of the answer to `send` as it is decided. Throws what breaks the answer off. */
  const run = async (send: (part: string) => void): Promise<void> => {
    try {
      send(form.begin());
      let step = first;
      for (; !step.done && !turn.closed; step = await rest.next()) send(form.piece(step.value));
      if (step.done) {
        const outcome = turn.outcome(step.value);
        const where = circumstance();
        line.ended(outcome, where);
        const end = form.end(account(outcome, where.place));
        await written();
        send(end);
      } else {
        line.left(turn.predicted, circumstance());
      }
    } catch (error) {
      report(turn.head.id, error);
      if (turn.closed) line.left(turn.predicted, circumstance());
      else line.failed(error, turn.predicted, circumstance());
      throw error;
    } finally {
      await rest.return(undefined as never);
    }
  };
  const left = () => leave().catch((error) => report(turn.head.id, error));
  const headers = { ...ANSWER_HEADERS, "content-type": form.contentType };
  const { failed } = form;
  if (!failed) {
    // Its status is decided last: behind a 200 a body could only break.
    let body = "";
    try {
      await run((part) => {
        body += part;
      });
      return new Response(body, { headers });
    } catch (error) {
      return errorResponse(error);
    } finally {
      later(left());
    }
  }
  const encoder = new TextEncoder();
  let cancelled = false;
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
    await left();
  };
  const body = new ReadableStream<Uint8Array>({
    start: (controller) => later(stream(controller)),
    pull: () => taken(),
    cancel: () => {
      cancelled = true;
      taken();
      turn.close();
    },
  });
  return new Response(body, { headers });
}
