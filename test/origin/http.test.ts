/** Server-sent events as engines' servers and the proxies before them may send them. */
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, expect, test } from "vitest";
import * as z from "zod";
import { EngineServer } from "../../src/origin/engines/http.ts";
import { sleep } from "../support/scripted.ts";

let server: Server;
afterEach(async () => {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});

/** What is read of a stream that is sent in these pieces, or, without an end, until the connection breaks. */
async function read(pieces: readonly string[], ending: "whole" | "broken" = "whole"): Promise<number[]> {
  server = createServer(async (_, response) => {
    response.writeHead(200, { "content-type": "text/event-stream; charset=utf-8" });
    for (const piece of pieces) {
      response.write(piece);
      await sleep(2);
    }
    if (ending === "whole") response.end();
    else response.destroy();
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const engine = new EngineServer("test", url, null);
  const numbers: number[] = [];
  for await (const { n } of engine.stream("/", {}, z.object({ n: z.int() }))) numbers.push(n);
  return numbers;
}

const event = (n: number) => `data: {"n":${n}}\n\n`;
const STREAM = [event(1), event(2), event(3), "data: [DONE]\n\n"].join("");

test.each([
  ["as they are", [STREAM]],
  ["one character at a time", [...STREAM]],
  ["with comments between and within", [": ping\n\n", event(1), ': ping\ndata: {"n":2}\n: ping\n\n', event(3)]],
  ["with CRLF, split within it", [STREAM.replaceAll("\n", "\r\n")].flatMap((text) => text.split(/(?<=\r)/))],
  ["with CR alone", [STREAM.replaceAll("\n", "\r"), "\r"]],
  [
    "with a byte order mark, other fields, no space, and data in two lines",
    ['\ufeffevent: token\nid: 7\nretry: 10\ndata:{"n":1}\n\ndata: {"n":\ndata: 2}\n\nunknown: x\n', event(3)],
  ],
])("events are read %s", async (_, pieces) => {
  expect(await read(pieces)).toEqual([1, 2, 3]);
});

test("an event that is cut off is none", async () => {
  expect(await read([event(1), 'data: {"n":2'])).toEqual([1]);
});

test("a connection that breaks is an error that may pass", async () => {
  await expect(read([event(1)], "broken")).rejects.toMatchObject({ code: "engine_unreachable", retryable: true });
});

test("an event that is no answer is an error that will not pass", async () => {
  await expect(read([event(1), "data: sorry\n\n"])).rejects.toMatchObject({ code: "engine_refused", retryable: false });
});
