/** Callers without a token, or without manners, over raw sockets: what they may hold, and what they are told. */
import { connect, type Socket } from "node:net";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { DEFAULT_LIMITS, Gateway } from "../../src/origin/gateway.ts";
import { type OriginServer, serveOrigin } from "../../src/origin/node.ts";
import { eventually } from "../support/eventually.ts";
import { ScriptedEngine } from "../support/scripted-engine.ts";

let server: OriginServer;
beforeEach(async () => {
  const options = { ...DEFAULT_LIMITS, token: "a long random word", now: () => performance.now() };
  server = await serveOrigin(new Gateway(new ScriptedEngine(), options), 0, "127.0.0.1");
});
afterEach(() => server.close());

/** A socket that stays open for as long as the server lets it, and what has come. */
function raw(text: string): { readonly socket: Socket; said(): string; readonly ended: Promise<unknown> } {
  const socket = connect({ port: server.port, host: "127.0.0.1", allowHalfOpen: true });
  let said = "";
  socket.on("data", (data) => {
    said += data;
  });
  socket.on("error", () => {});
  socket.write(text);
  return { socket, said: () => said, ended: new Promise((resolve) => socket.on("end", resolve)) };
}

const UPGRADE =
  "GET /v1/verify HTTP/1.1\r\nhost: x\r\nconnection: upgrade\r\nupgrade: websocket\r\n" +
  "sec-websocket-version: 13\r\nsec-websocket-key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n";

test("a refused upgrade is told why, and its socket is gone although the caller keeps its own half open", async () => {
  const callers = Array.from({ length: 20 }, () => raw(UPGRADE));
  for (const caller of callers) {
    await caller.ended;
    expect(caller.said()).toMatch(/^HTTP\/1\.1 401 .*"code":"unauthorized"/s);
  }
  // Only a socket that is destroyed over there answers what is still written with a reset.
  for (const { socket } of callers) {
    await eventually(() => {
      if (!socket.destroyed) socket.write("more");
      expect(socket.destroyed).toBe(true);
    });
  }
});

describe("what is no request", () => {
  test.each([
    ["a path of two slashes", "GET // HTTP/1.1\r\nhost: x\r\n\r\n", 404],
    ["half an address", "GET http://[ HTTP/1.1\r\nhost: x\r\n\r\n", 400],
    ["a method that nobody asks for", "TRACE / HTTP/1.1\r\nhost: x\r\n\r\n", 404],
    ["a host that is none", "GET /health HTTP/1.1\r\nhost: [\r\n\r\n", 400],
    ["a body that nobody reads", "POST /v1/verify HTTP/1.1\r\nhost: x\r\ncontent-length: 999999\r\n\r\n{", 404],
  ])("%s is refused without a word in the log", async (_, request, status) => {
    const log = vi.spyOn(console, "error").mockImplementation(() => {});
    const caller = raw(request);
    await eventually(() => expect(caller.said()).toMatch(new RegExp(`^HTTP/1.1 ${status} `)));
    expect(log).not.toHaveBeenCalled();
    log.mockRestore();
    caller.socket.destroy();
  });
});
