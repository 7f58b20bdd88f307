/**
 * The gateway as a Node server: HTTP and WebSockets on one port. While a model is still loading the server answers that
 * it is.
 */
import { createServer, type IncomingMessage, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import type { Duplex } from "node:stream";
import { getRequestListener } from "@hono/node-server";
import { type WebSocket, WebSocketServer } from "ws";
import { MAX_FRAME_CHARS } from "../core/verify/protocol.ts";
import { Connection } from "./connection.ts";
import { answer, refusal } from "./door.ts";
import type { Gateway } from "./gateway.ts";

/** A socket that does not answer a ping within this time is cut: its other side is gone without a word. */
const PING_MS = 20_000;
/** Sockets of all kinds, also of callers whose token was not looked at: fewer than a process has file descriptors. */
const MAX_CONNECTIONS = 4096;
/** Between two looks for sessions that have been idle for too long. */
const EXPIRE_MS = 30_000;

export interface OriginServer {
  readonly port: number;
  /**
   * Takes nothing new, waits up to `drainMs` for generations at work, then cuts every connection, stops listening and
   * closes the gateway with its engine.
   */
  close(drainMs?: number): Promise<void>;
}

/**
 * Serves a gateway over HTTP and WebSockets.
 *
 * @param coming the gateway, or one that is still loading: until then every request is answered with 503 and `loading`.
 *   If
 *   loading fails, that is for the caller to notice and to close the server.
 * @param port 0 picks a free one
 * @param host 127.0.0.1 keeps to this machine, 0.0.0.0 lets others in
 * @returns once the port is open. Rejects with Node's error (such as `EADDRINUSE`) when it cannot be opened.
 */
export async function serveOrigin(
  coming: Gateway | Promise<Gateway>,
  port: number,
  host: string,
): Promise<OriginServer> {
  let gateway: Gateway | null = coming instanceof Promise ? null : coming;
  Promise.resolve(coming).then(
    (come) => {
      gateway = come;
    },
    () => {},
  );
  const sockets = new WebSocketServer({ noServer: true, maxPayload: MAX_FRAME_CHARS, perMessageDeflate: false });
  const listener = getRequestListener((request) => (gateway ? answer(gateway, request) : loading(request)), {
    // For requests without a host header.
    hostname: "origin",
    // A library must leave the globals of its process alone.
    overrideGlobalObjects: false,
  });
  const server = createServer(listener);
  server.maxConnections = MAX_CONNECTIONS;
  server.on("upgrade", (incoming, socket, head) => void upgrade(gateway, sockets, incoming, socket, head));
  const pings = setInterval(() => {
    for (const socket of sockets.clients) pingOrCut(socket);
  }, PING_MS);
  const expiry = setInterval(() => gateway?.expire(), EXPIRE_MS);
  const stop = () => {
    clearInterval(pings);
    clearInterval(expiry);
  };
  try {
    await listening(server, port, host);
  } catch (error) {
    stop();
    throw error;
  }
  return {
    port: (server.address() as AddressInfo).port,
    async close(drainMs = 0) {
      await gateway?.drain(drainMs);
      stop();
      for (const socket of sockets.clients) socket.terminate();
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
      await gateway?.close();
    },
  };
}

/** The answer before there is a gateway: the process is alive, and not ready. */
const loading = ({ url }: { readonly url: string }): Response =>
  new URL(url).pathname === "/health/live" ? Response.json({ status: "loading" }) : notReady();

const notReady = (): Response =>
  Response.json(
    { status: "loading", type: "error", code: "loading", message: "the origin is loading its model", retryable: true },
    { status: 503, headers: { "retry-after": "1" } },
  );

async function upgrade(
  gateway: Gateway | null,
  sockets: WebSocketServer,
  incoming: IncomingMessage,
  socket: Duplex,
  head: Buffer,
): Promise<void> {
  socket.on("error", () => socket.destroy());
  if (!gateway) return refuse(socket, notReady());
  const refused = await refusal(gateway, {
    path: (incoming.url ?? "/").split("?")[0]!,
    authorization: incoming.headers.authorization ?? null,
  });
  if (refused) return refuse(socket, refused);
  sockets.handleUpgrade(incoming, socket, head, (opened) => {
    const connection = new Connection(
      { send: (text) => opened.send(text), close: (code, reason) => opened.close(code, reason) },
      gateway,
      incoming.headers.traceparent,
    );
    // A binary frame is no frame of ours; the empty text is refused as such.
    opened.on("message", (data, isBinary) => connection.receive(isBinary ? "" : data.toString()));
    opened.on("close", () => connection.closed());
    opened.on("error", () => opened.terminate());
    opened.on("pong", () => silent.delete(opened));
  });
}

async function refuse(socket: Duplex, refusal: Response): Promise<void> {
  const body = await refusal.text();
  const headers = [...refusal.headers, ["content-length", `${Buffer.byteLength(body)}`], ["connection", "close"]];
  const lines = headers.map(([name, value]) => `${name}: ${value}`);
  // The socket would stay half open for as long as the other side likes.
  socket.end(`HTTP/1.1 ${refusal.status} Refused\r\n${lines.join("\r\n")}\r\n\r\n${body}`, () => socket.destroy());
}

/** Sockets that were pinged and have not answered. */
const silent = new WeakSet<WebSocket>();

function pingOrCut(socket: WebSocket): void {
  if (silent.has(socket)) socket.terminate();
  else {
    silent.add(socket);
    socket.ping();
  }
}

function listening(server: Server, port: number, host: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, host, resolve);
  });
}
