/** A client that leaves before the first token pays for its prompt: the origin may have computed all of it. */
import { createHash } from "node:crypto";
import { afterAll, beforeAll, expect, test } from "vitest";
import { WebSocketServer } from "ws";
import { type Edge, startEdge } from "../chaos/edge.ts";
import { eventually } from "../support/eventually.ts";

const hash = (key: string) => createHash("sha256").update(key).digest("hex");

/** An origin that takes generations and says nothing, as one that reads a long prompt. */
let origin: WebSocketServer;
let opened = 0;
let edge: Edge;
beforeAll(async () => {
  origin = new WebSocketServer({ port: 0, host: "127.0.0.1" });
  origin.on("connection", (socket) => socket.once("message", () => opened++));
  await new Promise((resolve) => origin.on("listening", resolve));
  const { port } = origin.address() as { port: number };
  edge = await startEdge({ ORIGIN_URL: `http://127.0.0.1:${port}`, API_KEYS: `leaver:${hash("key-of-leaver")}` });
});
afterAll(async () => {
  await edge?.close();
  for (const socket of origin.clients) socket.terminate();
  origin.close();
});

const headers = { "content-type": "application/json", authorization: "Bearer key-of-leaver" };

test("of a streamed answer and of a whole one", async () => {
  const paid = async () => {
    const response = await fetch(`${edge.url}/v1/usage`, { headers });
    return ((await response.json()) as { days: { tokens: number }[] }).days[0]?.tokens;
  };
  const content = "a b c d e f g h ".repeat(40);
  const messages = [{ role: "user", content }];
  const counted = await fetch(`${edge.url}/tokenize`, { method: "POST", headers, body: JSON.stringify({ messages }) });
  const { count } = (await counted.json()) as { count: number };
  let before = (await paid())!;
  for (const stream of [true, false]) {
    const left = new AbortController();
    const asked = fetch(`${edge.url}/v1/chat/completions`, {
      method: "POST",
      headers: { ...headers, "x-session-affinity": `${stream}`, "x-chaos-client": `${stream}` },
      body: JSON.stringify({ model: "tiny", messages, max_tokens: 8, stream }),
      signal: left.signal,
    });
    asked.catch(() => {});
    const seen = opened;
    await eventually(async () => expect(opened).toBeGreaterThan(seen));
    left.abort();
    await edge.gone(`${stream}`);
    const after = before + count;
    await eventually(async () => expect(await paid()).toBe(after));
    before = after;
  }
});
