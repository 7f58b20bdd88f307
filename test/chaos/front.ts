/**
 * What stands between the edge and a gateway: an address that passes on requests, upgrades and frames, and breaks what
 * it is told to break. It knows whose frame it holds by the session that the `open` frame names.
 */
import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import type { Duplex } from "node:stream";
import { WebSocket, WebSocketServer } from "ws";
import type { UPGRADE, WIRE } from "./faults.ts";

/** One frame, the n-th from that side since it was planned. */
export interface WireFault {
  readonly what: (typeof WIRE)[number];
  readonly from: "edge" | "origin";
  frame: number;
}

export interface Front {
  readonly url: string;
  /** Port of the gateway behind it; null: nobody is there. */
  target: number | null;
  /** Connections of the edge that are open, or being opened. */
  readonly open: number;
  /** Upgrades that were refused or left hanging. */
  readonly struck: number;
  /** What to do with the next upgrades. */
  readonly upgrades: (typeof UPGRADE)[number][];
  /** Shared by all fronts: what is to happen to frames, by session. */
  wire: Map<string, WireFault[]>;
  close(): Promise<void>;
}

const LATE_MS = 300;
/** A half-open connection ends so long after its one side was closed. */
const HALF_OPEN_MS = 300;

export async function openFront(): Promise<Front> {
  const sockets = new WebSocketServer({ noServer: true });
  const raw = new Set<Duplex>();
  const front = {
    url: "",
    target: null as number | null,
    open: 0,
    struck: 0,
    upgrades: [] as (typeof UPGRADE)[number][],
    wire: new Map<string, WireFault[]>(),
    async close() {
      for (const socket of raw) socket.destroy();
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
  const server = createServer(async (request, response) => {
    const body: Buffer[] = [];
    for await (const part of request) body.push(part as Buffer);
    const { method = "GET" } = request;
    try {
      const answer = await fetch(`http://127.0.0.1:${front.target}${request.url}`, {
        method,
        ...(method === "POST" && { body: Buffer.concat(body) }),
      });
      response.writeHead(answer.status).end(Buffer.from(await answer.arrayBuffer()));
    } catch {
      response.destroy();
    }
  });
  server.on("upgrade", (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    raw.add(socket);
    front.open++;
    socket.on("error", () => socket.destroy());
    socket.on("close", () => {
      raw.delete(socket);
      front.open--;
    });
    const what = front.upgrades.shift();
    if (what !== undefined) front.struck++;
    // Whoever does not read never hears that the other side has closed, and this server's sockets stay half open then.
    if (what === "hang") return void socket.on("end", () => socket.destroy()).resume();
    if (what === "refuse" || what === "busy") return refuse(socket, what === "busy" ? 429 : 503);
    if (front.target === null) return void socket.destroy();
    const origin = new WebSocket(`ws://127.0.0.1:${front.target}${request.url}`, { perMessageDeflate: false });
    origin.on("error", () => socket.destroy());
    origin.on("unexpected-response", (_, { statusCode }) => refuse(socket, statusCode ?? 502));
    origin.on("open", () => sockets.handleUpgrade(request, socket, head, (edge) => join(edge, origin, front.wire)));
    socket.on("close", () => setTimeout(() => origin.terminate(), HALF_OPEN_MS));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  front.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return front;
}

function refuse(socket: Duplex, status: number): void {
  socket.end(`HTTP/1.1 ${status} Refused\r\ncontent-length: 0\r\nconnection: close\r\n\r\n`, () => socket.destroy());
}

function join(edge: WebSocket, origin: WebSocket, wire: ReadonlyMap<string, WireFault[]>): void {
  let session: string | null = null;
  let stalled = false;
  const cut = () => {
    edge.terminate();
    origin.terminate();
  };
  const pass = (from: WireFault["from"], to: WebSocket) => {
    // What comes behind a late frame is late as well: nothing overtakes.
    let order = Promise.resolve();
    return (data: unknown) => {
      const text = String(data);
      session ??= sessionOf(text);
      const what = strikes(wire.get(session ?? "") ?? [], from);
      if (what === "half-open") stalled = true;
      if (what === "cut") return cut();
      if (what === "lose") return;
      if (what === "late") order = order.then(() => new Promise((resolve) => setTimeout(resolve, LATE_MS)));
      const sent = what === "truncate" ? text.slice(0, text.length >> 1) : what === "mutate" ? mutated(text) : text;
      const send = () => {
        if (!stalled && to.readyState === WebSocket.OPEN) to.send(sent);
      };
      order = order.then(send);
      if (what === "double") order = order.then(send);
    };
  };
  edge.on("message", pass("edge", origin));
  origin.on("message", pass("origin", edge));
  edge.on("error", cut);
  origin.on("error", cut);
  edge.on("close", () => {
    if (stalled) setTimeout(() => origin.terminate(), HALF_OPEN_MS);
    else origin.close();
  });
  origin.on("close", () => {
    // Of a half-open connection the edge hears nothing.
    if (!stalled) edge.close();
  });
}

function sessionOf(text: string): string | null {
  return /"session":"([^"]+)"/.exec(text)?.[1] ?? null;
}

/** What strikes this frame of that side, if anything. */
function strikes(faults: WireFault[], from: WireFault["from"]): WireFault["what"] | null {
  const due = faults.find((fault) => fault.from === from && fault.frame-- <= 0);
  if (!due) return null;
  faults.splice(faults.indexOf(due), 1);
  return due.what;
}

/** Another digit where there is one: the frame still is what it seems, and says something else. */
function mutated(text: string): string {
  const digits = [...text.matchAll(/\d/g)].map(({ index }) => index);
  const at = digits[Math.floor(digits.length / 2)] ?? 0;
  return text.slice(0, at) + ((Number(text[at]) + 1) % 10 || 1) + text.slice(at + 1);
}
