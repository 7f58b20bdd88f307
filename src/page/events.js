/** Server-sent events of a streamed answer, as parsed chunks. */
import { EventSourceParserStream } from "eventsource-parser/stream";

/** Throws what the server reports in the middle of a stream. */
export async function* readEvents(body) {
  const events = body.pipeThrough(new TextDecoderStream()).pipeThrough(new EventSourceParserStream());
  let done = false;
  for await (const { data } of read(events)) {
    done = data === "[DONE]";
    if (done) continue;
    const chunk = JSON.parse(data);
    if (chunk.error) throw new Error(chunk.error.message);
    yield chunk;
  }
  if (!done) throw new Error("the answer was cut off");
}

/** Safari has no async iteration over streams. */
async function* read(stream) {
  const reader = stream.getReader();
  try {
    for (let step = await reader.read(); !step.done; step = await reader.read()) yield step.value;
  } finally {
    // Rejects once more with what broke the stream, which whoever reads has already been told.
    reader.cancel().catch(() => {});
  }
}
