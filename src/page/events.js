/**
 * Server-sent events of a streamed answer, as parsed chunks. Throws what the server reports in the middle of a stream.
 */
export async function* readEvents(body) {
  let rest = "";
  let done = false;
  for await (const text of chunks(body.pipeThrough(new TextDecoderStream()))) {
    rest += text;
    const events = rest.split("\n\n");
    rest = events.pop();
    for (const event of events) {
      if (!event.startsWith("data: ")) continue;
      const data = event.slice("data: ".length);
      done = data === "[DONE]";
      if (done) continue;
      const chunk = JSON.parse(data);
      if (chunk.error) throw new Error(chunk.error.message);
      yield chunk;
    }
  }
  if (!done) throw new Error("the answer was cut off");
}

/** Safari has no async iteration over streams. */
async function* chunks(stream) {
  const reader = stream.getReader();
  try {
    for (let step = await reader.read(); !step.done; step = await reader.read()) yield step.value;
  } finally {
    // Rejects once more with what broke the stream, which whoever reads has already been told.
    reader.cancel().catch(() => {});
  }
}
