/**
 * A TCP proxy between edge and origin that breaks things on purpose. It counts the WebSocket frames that the origin
 * sends and does one thing to the connection when a chosen one comes:
 *
 *   cut       resets both sides instead of passing the frame on
 *   close     passes the frame on, then resets
 *   stall     passes nothing on any more, in either direction, and keeps the connection open
 *   garble    passes the frame on with its payload damaged
 */
import { connect, createServer, type Server, type Socket } from "node:net";
import { seeded } from "./random.ts";

export type Fault = "cut" | "close" | "stall" | "garble";

export interface FaultProxy {
  readonly port: number;
  /** Connections accepted so far. */
  readonly connections: number;
  /** Frames of the origin seen so far, over all connections. */
  readonly frames: number;
  /** Does `fault` to the connection that carries frame number `frame` (0 is the next one), `times` times in a row. */
  plan(fault: Fault, frame: number, times?: number): void;
  /** Refuses new connections while set. */
  refusing: boolean;
  /** Delays everything that passes, in either direction, in ms. */
  delayMs: number;
  /** By how much of itself each delay may vary, in [0, 1]; nothing overtakes what went before. */
  jitter: number;
  close(): Promise<void>;
}

export async function faultProxy(targetPort: number): Promise<FaultProxy> {
  const open = new Set<Socket>();
  const random = seeded(1);
  let planned: { fault: Fault; frame: number; times: number } | null = null;
  const proxy = {
    port: 0,
    connections: 0,
    frames: 0,
    refusing: false,
    delayMs: 0,
    jitter: 0,
    plan(fault: Fault, frame: number, times = 1) {
      planned = { fault, frame: proxy.frames + frame, times };
    },
    async close() {
      for (const socket of open) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };

  const server: Server = createServer((client) => {
    if (proxy.refusing) {
      client.resetAndDestroy();
      return;
    }
    proxy.connections++;
    const origin = connect(targetPort, "127.0.0.1");
    for (const socket of [client, origin]) {
      open.add(socket);
      socket.setNoDelay(true);
      socket.on("close", () => open.delete(socket));
      socket.on("error", () => socket.destroy());
    }
    client.on("close", () => origin.destroy());
    origin.on("close", () => client.destroy());
    let stalled = false;
    const waiting = new Map<Socket, { at: number; bytes: Buffer }[]>([client, origin].map((socket) => [socket, []]));
    const drain = (to: Socket) => {
      const queue = waiting.get(to)!;
      if (stalled || to.destroyed) return;
      while (queue[0] && queue[0].at <= performance.now()) to.write(queue.shift()!.bytes);
      if (queue[0]) setTimeout(drain, Math.max(0, queue[0].at - performance.now()), to);
    };
    const pass = (to: Socket, bytes: Buffer) => {
      if (stalled) return;
      const queue = waiting.get(to)!;
      if (proxy.delayMs === 0 && queue.length === 0) {
        to.write(bytes);
        return;
      }
      const at = performance.now() + proxy.delayMs * (1 + proxy.jitter * (2 * random() - 1));
      queue.push({ at: Math.max(at, queue.at(-1)?.at ?? 0), bytes });
      if (queue.length === 1) setTimeout(drain, Math.max(0, queue[0]!.at - performance.now()), to);
    };
    const reset = () => {
      client.resetAndDestroy();
      origin.resetAndDestroy();
    };
    client.on("data", (bytes) => pass(origin, bytes));
    const split = frameSplitter();
    origin.on("data", (bytes) => {
      for (const piece of split(bytes)) {
        if (client.destroyed) return;
        if (!piece.frame) {
          pass(client, piece.bytes);
          continue;
        }
        const number = proxy.frames++;
        if (!planned || number < planned.frame) {
          pass(client, piece.bytes);
          continue;
        }
        const { fault } = planned;
        planned = planned.times > 1 ? { fault, frame: number + 1, times: planned.times - 1 } : null;
        if (fault === "stall") stalled = true;
        else if (fault === "cut") reset();
        else if (fault === "close") {
          client.write(piece.bytes, () => reset());
          return;
        } else {
          const damaged = Buffer.from(piece.bytes);
          damaged.fill(0x7e, piece.payload);
          pass(client, damaged);
        }
      }
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  proxy.port = typeof address === "object" && address ? address.port : 0;
  return proxy;
}

interface Piece {
  readonly bytes: Buffer;
  /** A whole data frame, rather than the answer to the upgrade or a control frame. */
  readonly frame: boolean;
  /** Where the frame's payload begins. */
  readonly payload: number;
}

const SWITCHING = Buffer.from("HTTP/1.1 101");

/** Cuts what a WebSocket server sends into the answer to the upgrade and whole frames (RFC 6455 §5.2, unmasked). */
function frameSplitter(): (bytes: Buffer) => Piece[] {
  let held = Buffer.alloc(0);
  let upgraded = false;
  return (bytes) => {
    held = Buffer.concat([held, bytes]);
    const pieces: Piece[] = [];
    const take = (length: number, frame: boolean, payload: number) => {
      pieces.push({ bytes: held.subarray(0, length), frame, payload });
      held = held.subarray(length);
    };
    if (!upgraded) {
      if (!held.subarray(0, SWITCHING.length).equals(SWITCHING.subarray(0, held.length))) {
        // An answer over HTTP, or more of one: nothing in it is a frame.
        take(held.length, false, 0);
        return pieces;
      }
      const end = held.indexOf("\r\n\r\n");
      if (end < 0) return pieces;
      upgraded = true;
      take(end + 4, false, 0);
    }
    for (;;) {
      if (held.length < 2) return pieces;
      const short = held[1]! & 0x7f;
      const header = short === 126 ? 4 : short === 127 ? 10 : 2;
      if (held.length < header) return pieces;
      const length = short === 126 ? held.readUInt16BE(2) : short === 127 ? Number(held.readBigUInt64BE(2)) : short;
      if (held.length < header + length) return pieces;
      take(header + length, (held[0]! & 0x0f) < 8, header);
    }
  };
}
