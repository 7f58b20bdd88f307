/**
 * Sessions that are lost under an answer: by a deploy, by an update of the runtime, or because Cloudflare moves them.
 * Nothing but the Worker is left then to tell the client. Before the first byte the turn is asked again: its seed is
 * known, so the answer is the same. Behind it a stream ends with an error event.
 */
import { OutriderError } from "../../core/model/errors.ts";
import { errorEvent } from "../api/openai/stream.ts";
import { askAnyway, type Way } from "../store/storage-failure.ts";

/**
 * The answer of a Session, asked once more where it is lost before it has answered. Throws `session_unavailable` (503)
 * where it is lost again, or overloaded.
 * @param later keeps the request alive for what nobody waits for
 */
export async function answered(
  ask: (way: Way) => Promise<Response>,
  later: (work: Promise<unknown>) => void,
): Promise<Response> {
  const answer = await askAnyway(ask)
    .catch((error) => (isLost(error) ? askAnyway(ask) : Promise.reject(error)))
    .catch(explained);
  const { body, headers } = answer;
  return headers.get("content-type")?.startsWith("text/event-stream") && body
    ? new Response(ended(body, later), answer)
    : new Response(body, answer);
}

/** The runtime's errors say whether a new object may do better. */
type RuntimeError = {
  readonly retryable?: boolean;
  readonly durableObjectReset?: boolean;
  readonly overloaded?: boolean;
};

const isLost = ({ retryable, durableObjectReset, overloaded }: RuntimeError) =>
  Boolean(retryable || durableObjectReset) && !overloaded;

function explained(error: RuntimeError): never {
  if (!isLost(error) && !error.overloaded) throw error;
  throw unavailable("the session was restarted or is overloaded; try again", error);
}

const unavailable = (message: string, cause: unknown) =>
  new OutriderError("session_unavailable", message, { status: 503, retryable: true, cause });

/** A stream that ends as clients expect even where the object behind it does not live to its end. */
function ended(body: ReadableStream<Uint8Array>, later: (work: Promise<unknown>) => void): ReadableStream<Uint8Array> {
  // The runtime moves the bytes itself: a Worker has 10 ms of CPU on the Free plan.
  const { readable, writable } = new IdentityTransformStream();
  const moved = body.pipeTo(writable, { preventAbort: true }).catch(async (cause) => {
    const writer = writable.getWriter();
    const message = "the session was restarted in the middle of the answer; with the same seed the text is the same";
    await writer.write(new TextEncoder().encode(errorEvent(unavailable(message, cause))));
    await writer.close();
  });
  // A client that has left takes no event.
  later(moved.catch(() => {}));
  return readable;
}
