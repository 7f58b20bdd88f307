/**
 * Both ends of a socket within this process: a WebSocket for the edge whose other end is an origin's Connection. Each
 * frame takes one turn of the event loop, in order, and the socket may break at a frame of the origin.
 */
import { Connection } from "../../src/origin/connection.ts";
import type { Gateway } from "../../src/origin/gateway.ts";

const [OPEN, CLOSED] = [1, 3];

export interface Break {
  /** Which frame of the origin, 0 the first. */
  readonly frame: number;
  /** cut: the frame is lost with the socket. close: it still arrives. garble: it arrives damaged. */
  readonly fault: "cut" | "close" | "garble";
}

/** A new socket to the gateway, open already. */
export function socketTo(gateway: Gateway, at?: Break): WebSocket {
  const edge = new EventTarget() as EventTarget & { readyState: number; send(text: string): void; close(): void };
  edge.readyState = OPEN;
  let frames = 0;
  const end = () => {
    if (edge.readyState === CLOSED) return;
    edge.readyState = CLOSED;
    connection.closed();
    edge.dispatchEvent(new Event("close"));
  };
  const arrive = (text: string) => {
    if (edge.readyState === CLOSED) return;
    const fault = frames++ === at?.frame ? at.fault : null;
    const data = fault === "garble" ? text.slice(0, text.length >> 1) : text;
    if (fault !== "cut") edge.dispatchEvent(new MessageEvent("message", { data }));
    if (fault === "cut" || fault === "close") end();
  };
  const connection = new Connection(
    { send: (text) => void setImmediate(arrive, text), close: () => void setImmediate(end) },
    gateway,
  );
  edge.send = (text) => void setImmediate(() => edge.readyState === OPEN && connection.receive(text));
  edge.close = () => void setImmediate(end);
  return edge as unknown as WebSocket;
}
