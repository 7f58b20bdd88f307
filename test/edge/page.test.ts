/** What the playground's scripts do with what the server sends. */
import { describe, expect, test } from "vitest";
import { readEvents } from "../support/events.ts";
import { seeded } from "../support/random.ts";

/** A body that arrives cut at random bytes. */
function body(text: string, seed: number): ReadableStream<Uint8Array> {
  const bytes = new TextEncoder().encode(text);
  const random = seeded(seed);
  let at = 0;
  return new ReadableStream({
    pull(controller) {
      const end = Math.min(bytes.length, at + 1 + Math.floor(random() * 9));
      if (at < end) controller.enqueue(bytes.slice(at, end));
      at = end;
      if (at === bytes.length) controller.close();
    },
  });
}

async function read(text: string, seed = 1): Promise<Record<string, unknown>[]> {
  const chunks = [];
  for await (const chunk of readEvents(body(text, seed))) chunks.push(chunk);
  return chunks;
}

const event = (json: unknown) => `data: ${JSON.stringify(json)}\n\n`;

describe("events of a stream", () => {
  test("are the same however the bytes are cut, characters of several bytes included", async () => {
    const sent = [{ text: "Grüße 🐎" }, { text: "line\n\nbreak" }, { n: 3 }];
    const text = `: a comment\n\n${sent.map(event).join("")}data: [DONE]\n\n`;
    for (let seed = 0; seed < 50; seed++) expect(await read(text, seed)).toEqual(sent);
  });

  test("an error in the middle is thrown with its message", async () => {
    const text = event({ n: 1 }) + event({ error: { message: "the origin is gone" } });
    await expect(read(text)).rejects.toThrow("the origin is gone");
  });

  test("a stream without its end was cut off", async () => {
    await expect(read(event({ n: 1 }))).rejects.toThrow("cut off");
  });
});
