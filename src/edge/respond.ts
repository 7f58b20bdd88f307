/** An answer on its way to the client, streamed or whole, and what is told of it at its end. */
import type { Tally } from "./answer.ts";
import type { AnswerLine, Circumstance } from "./answer-line.ts";
import type { SessionPlace } from "./placement.ts";
import { errorResponse, type Outcome } from "./reply.ts";
import { report } from "./report.ts";
import type { Form, Piece } from "./stream.ts";
import type { Turn } from "./turn.ts";

const ANSWER_HEADERS = {
  "cache-control": "no-cache, no-transform",
  // Compression would hold chunks back, and hide that the client has left.
  "content-encoding": "identity",
  // Target work has been spent: SDKs must not repeat the request by themselves.
  "x-should-retry": "false",
};

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
  { line, circumstance, account }: Told,
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
        send(form.end(account(outcome, where.place)));
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
  const stream = async (controller: ReadableStreamDefaultController<Uint8Array>): Promise<void> => {
    const send = (part: string): void => {
      if (part !== "" && !cancelled) controller.enqueue(encoder.encode(part));
    };
    await run(send).catch((error) => send(failed(error)));
    if (!cancelled) controller.close();
    await left();
  };
  const body = new ReadableStream<Uint8Array>({
    start: (controller) => later(stream(controller)),
    cancel: () => {
      cancelled = true;
      turn.close();
    },
  });
  return new Response(body, { headers });
}
