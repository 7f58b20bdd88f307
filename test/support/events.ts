/** The page's own reader of a streamed answer, which is JavaScript as browsers take it, with its type. */
export const { readEvents } = (await import("../../src/page/events.js" as string)) as {
  readEvents(body: ReadableStream<Uint8Array>): AsyncGenerator<Record<string, unknown>>;
};
