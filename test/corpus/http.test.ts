/** Which requests are tried again, which are not, and what the errors say, against a server that follows a script. */
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, expect, test } from "vitest";
import * as z from "zod";
import { JsonClient } from "../../src/tools/corpus/http.ts";
import { eventually } from "../support/eventually.ts";

interface Step {
  readonly status?: number;
  readonly headers?: Record<string, string>;
  readonly body?: string;
  /** Cut the connection instead. */
  readonly cut?: boolean;
}

let server: Server | undefined;
afterEach(() => {
  server?.closeAllConnections();
  server?.close();
});

const shape = z.object({ n: z.number() });

async function scripted(steps: readonly Step[], retryMs = [1, 1, 1]) {
  const asked: { at: number; authorization: string | undefined; body: string }[] = [];
  server = createServer(async (request, response) => {
    let body = "";
    for await (const chunk of request) body += chunk;
    asked.push({ at: performance.now(), authorization: request.headers.authorization, body });
    const step = steps[asked.length - 1] ?? {};
    if (step.cut) return void response.destroy();
    response.writeHead(step.status ?? 200, step.headers).end(step.body ?? '{"n": 1}');
  });
  await new Promise<void>((resolve) => server!.listen(0, "127.0.0.1", resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`;
  return { asked, client: new JsonClient(`${url}/`, "key", retryMs) };
}

const error = (message: string) => JSON.stringify({ error: { message } });

test("sends the key and the body, and reads the answer", async () => {
  const { asked, client } = await scripted([]);
  expect(await client.fetch("/x", { a: 1 }, shape)).toEqual({ n: 1 });
  expect(asked).toMatchObject([{ authorization: "Bearer key", body: '{"a":1}' }]);
});

test("busy and broken servers are asked again", async () => {
  const { asked, client } = await scripted([{ status: 429 }, { status: 500 }, { status: 503, body: "<html>" }]);
  expect(await client.fetch("/x", { a: 1 }, shape)).toEqual({ n: 1 });
  expect(asked.map(({ body }) => body)).toEqual(Array(4).fill('{"a":1}'));
});

test("a server that was reached may lose a connection", async () => {
  const { asked, client } = await scripted([{}, { cut: true }]);
  await client.fetch("/x", undefined, shape);
  expect(await client.fetch("/x", undefined, shape)).toEqual({ n: 1 });
  expect(asked.length).toBe(3);
});

test("waits as many seconds as the server asks", async () => {
  const { asked, client } = await scripted([{ status: 429, headers: { "retry-after": "1" } }]);
  await client.fetch("/x", undefined, shape);
  expect(asked[1]!.at - asked[0]!.at).toBeGreaterThan(900);
});

test("waits until the date that the server names", async () => {
  const date = new Date(Date.now() + 2000).toUTCString();
  const { asked, client } = await scripted([{ status: 429, headers: { "retry-after": date } }]);
  await client.fetch("/x", undefined, shape);
  // A busy machine may have come here late; the date holds all the same.
  expect(performance.timeOrigin + asked[1]!.at).toBeGreaterThan(Date.parse(date) - 100);
});

test.each<[string, Step[], object]>([
  [
    "gives up",
    Array(4).fill({ status: 503, body: error("full house") }),
    {
      code: "unavailable",
      message: expect.stringMatching(/failed 4 times, lastly with 503: full house; run this again/),
    },
  ],
  ["a mistake", [{ status: 400, body: error("no such seed") }], { code: "refused", status: 400 }],
  [
    "a lacking key",
    [{ status: 401, body: error("who are you") }],
    { message: expect.stringMatching(/answered 401: who are you; give the key with --token-file/) },
  ],
  ["a lacking route", [{ status: 501 }], { code: "refused", status: 501 }],
  [
    "a page",
    [{ body: "<html>hello" }],
    { code: "bad_answer", message: expect.stringMatching(/no JSON: "<html>hello"/) },
  ],
  [
    "another shape",
    [{ body: '{"n": "one"}' }],
    { code: "bad_answer", message: expect.stringMatching(/answered not as OpenAI's API does: n: /) },
  ],
])("says what is wrong: %s", async (_, steps, expected) => {
  const { asked, client } = await scripted(steps);
  await expect(client.fetch("/x", {}, shape)).rejects.toMatchObject(expected);
  expect(asked.length).toBe(steps.length);
});

test("an address where nobody answers is said at once", async () => {
  const { client } = await scripted([], [60_000]);
  await new Promise((resolve) => server!.close(resolve));
  const said = /nothing answers at .*\/v1\/x: .*ECONNREFUSED.*; is --url right/;
  await expect(client.fetch("/x", undefined, shape)).rejects.toThrow(said);
});

test("closing ends a wait", async () => {
  const { asked, client } = await scripted([{ status: 429 }], [60_000]);
  const waiting = client.fetch("/x", undefined, shape);
  await eventually(() => expect(asked.length).toBe(1));
  client.close();
  await expect(waiting).rejects.toThrow();
});
