/** Answers whose Session is replaced under them, and answers that nobody waits for any more, before their end. */
import { afterAll, beforeAll, expect, test } from "vitest";
import type { Generation } from "../../src/edge/prompt/generation.ts";
import { sessionName } from "../../src/edge/tenant/tenant.ts";
import { type Edge, startEdge } from "../chaos/edge.ts";
import { eventually } from "../support/eventually.ts";
import { type TinyOrigin, tinyOrigin } from "../support/tiny-origin.ts";

/** So long that there is time for what happens in the middle of it. */
const MAX_TOKENS = 800;

let origin: TinyOrigin;
let edge: Edge;
beforeAll(async () => {
  origin = await tinyOrigin();
  edge = await startEdge({ ORIGIN_URL: origin.url });
});
afterAll(async () => {
  await edge?.close();
  await origin?.close();
});

const nameOf = (affinity: string) => sessionName("open:", affinity, { model: "tiny" } as Generation);

const ask = (affinity: string, stream: boolean, init: { client?: string; signal?: AbortSignal } = {}) =>
  fetch(`${edge.url}/v1/chat/completions`, {
    method: "POST",
    headers: {
      "content-type": "application/json",
      "x-session-affinity": affinity,
      ...(init.client && { "x-chaos-client": init.client }),
    },
    body: JSON.stringify({
      model: "tiny",
      messages: [{ role: "user", content: "What did the riders see?" }],
      temperature: 0.8,
      seed: 5,
      max_tokens: MAX_TOKENS,
      stream,
    }),
    ...(init.signal && { signal: init.signal }),
  });

const live = async () => ((await (await fetch(`${origin.url}/health`)).json()) as { live: number }).live;
const isUnderWay = () => eventually(async () => expect(await live()).toBe(1));
/** The gateway logs the end of an answer in the moment in which it counts the answer no more. */
const isOver = () => eventually(async () => expect(await live()).toBe(0));

test("an answer that is not streamed is asked again and is the same", async () => {
  const undisturbed = await (await ask("undisturbed", false)).json();
  await isOver();
  expect(origin.ended.length).toBe(1);
  const asked = ask("replaced", false);
  await isUnderWay();
  await edge.reset(await nameOf("replaced"));
  const response = await asked;
  expect(response.status).toBe(200);
  expect((await response.json()).choices).toEqual(undisturbed.choices);
  await isOver();
  // The answer was cut off, and then given.
  expect(origin.ended.map(({ end }) => end)).toEqual(["length", "closed", "length"]);
});

test("a stream ends with an error event", async () => {
  const response = await ask("streamed", true);
  const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  for (let i = 0; i < 3; i++) text += (await reader.read()).value;
  await edge.reset(await nameOf("streamed"));
  for (let part = await reader.read(); !part.done; part = await reader.read()) text += part.value;
  const events = text.trimEnd().split("\n\n");
  expect(JSON.parse(events.at(-1)!.slice("data: ".length)).error.code).toBe("session_unavailable");
  await isOver();
});

test("an answer that is not streamed ends soon after its client has left", async () => {
  const left = new AbortController();
  const asked = ask("left", false, { client: "left", signal: left.signal });
  asked.catch(() => {});
  await isUnderWay();
  const before = origin.ended.length;
  left.abort();
  await edge.gone("left");
  await isOver();
  expect(origin.ended.length).toBe(before + 1);
  expect(origin.ended.at(-1)!.decided).toBeLessThan(MAX_TOKENS);
});
