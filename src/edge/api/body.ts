/**
 * Bodies of requests, up to a limit. workerd resets a connection whose body nobody reads, often before its client has
 * read why. So what is too much is read and thrown away, until that is too much as well.
 */
import { OutriderError } from "../../core/model/errors.ts";
import { longWork } from "./long-work.ts";

const MAX_BODY = 1024 * 1024;
/** Bytes that are read and thrown away behind the limit, at most. */
const MAX_THROWN = 8 * MAX_BODY;
/** Longer bodies are parsed one by one, with a rest between: of one that is all brackets a megabyte takes 60 ms. */
const LONG = 64 * 1024;
/** Characters of a long body for which the thread rests a millisecond behind it. */
const CHARACTERS_A_MS = 32 * 1024;

/**
 * A JSON body. Throws `request_too_large` (413) and `invalid_json`.
 * @param key whose it is; a key's long bodies wait for each other
 */
export async function jsonBody(request: Request, key: string): Promise<unknown> {
  // The runtime holds a body to the length that it names, and reads it in a third of the time.
  const named = request.headers.get("content-length");
  const text = named !== null && Number(named) <= MAX_BODY ? await request.text() : await bounded(request);
  return text.length <= LONG ? parsed(text) : longWork.slice(key, text.length / CHARACTERS_A_MS, () => parsed(text));
}

/** Reads a body and throws it away, before its client is answered without it. Never rejects. */
export async function throwAway(request: Request): Promise<void> {
  try {
    for await (const _ of partsOf(request));
  } catch {
    // The client has gone.
  }
}

/** A body, or the beginning of one that is longer than what is read at all. */
async function* partsOf({ body }: Request): AsyncGenerator<Uint8Array> {
  let bytes = 0;
  for await (const part of body ?? []) {
    yield part;
    bytes += part.length;
    if (bytes > MAX_BODY + MAX_THROWN) return;
  }
}

/** The text of a body. Throws `request_too_large`. */
async function bounded(request: Request): Promise<string> {
  let text = "";
  let bytes = 0;
  const decoder = new TextDecoder();
  for await (const part of partsOf(request)) {
    bytes += part.length;
    if (bytes <= MAX_BODY) text += decoder.decode(part, { stream: true });
  }
  if (bytes > MAX_BODY) {
    throw new OutriderError(
      "request_too_large",
      `the body is over the limit of ${MAX_BODY} bytes; shorten the prompt`,
      { status: 413 },
    );
  }
  return text + decoder.decode();
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new OutriderError("invalid_json", "the body is not JSON", { cause });
  }
}
