/**
 * One socket of the origin and its state: waiting for an `open`, generating, or over. Turns frames into calls of the gateway
 * and what comes back into frames.
 */
import { OutriderError } from "../model/errors.ts";
import { decodeEdgeFrame, encodeFrame, type OpenFrame, type OriginFrame } from "../verify/protocol.ts";
import type { Drafts } from "./drafts.ts";
import { asOutriderError } from "./failure.ts";
import type { Gateway } from "./gateway.ts";

/** What the gateway needs of a socket. Both may be called when the other side is gone, and then do nothing. */
export interface OriginSocket {
  send(text: string): void;
  close(code: number, reason: string): void;
}

/** A socket on which nothing is opened is closed after this long. */
const OPEN_WITHIN_MS = 10_000;

export class Connection {
  readonly #socket: OriginSocket;
  readonly #gateway: Gateway;
  /** Of the generation that runs. */ #drafts: Drafts | null = null;
  #over = false;
  #timer: ReturnType<typeof setTimeout>;
  #settle: () => void = () => {};
  /** Resolves when the socket is closed and its generation has let go of what it held. */
  readonly settled: Promise<void> = new Promise((resolve) => {
    this.#settle = resolve;
  });

  /** Its owner passes on what arrives and says when the socket closed. */
  constructor(socket: OriginSocket, gateway: Gateway) {
    this.#socket = socket;
    this.#gateway = gateway;
    gateway.entered();
    this.#timer = setTimeout(() => this.#end(1008, "nothing was opened in time"), OPEN_WITHIN_MS);
  }

  receive(text: string): void {
    if (this.#over) return;
    try {
      const frame = decodeEdgeFrame(text);
      if (frame.type === "close") this.#end(1000, "closed by the edge");
      else if (frame.type === "draft") {
        const { position, patience } = frame;
        this.#drafts?.put({ position, patience, ...this.#gateway.validPart(frame) });
      } else if (this.#drafts) throw new OutriderError("bad_frame", "a generation is already running on this socket");
      else void this.#generate(frame);
    } catch (error) {
      this.#fail(error);
    }
  }

  /** The socket is gone, for whatever reason. */
  closed(): void {
    this.#end(1000, "");
  }

  async #generate(open: OpenFrame): Promise<void> {
    clearTimeout(this.#timer);
    const drafts = this.#gateway.drafts();
    this.#drafts = drafts;
    try {
      const ended = await this.#gateway.generate(
        open,
        drafts,
        () => !this.#over,
        (verdict) => this.#send({ type: "verdict", ...verdict, tokens: [...verdict.tokens] }),
      );
      if (!ended) return;
      const usage = { prompt: open.keep + open.prompt.length, decided: ended.decided, passes: ended.passes };
      this.#send({ type: "done", reason: ended.reason, usage });
      this.#end(1000, "done");
    } catch (error) {
      this.#fail(error);
    } finally {
      this.#drafts = null;
      if (this.#over) this.#settle();
    }
  }

  /** An edge whose prefix is unknown may open again on the same socket; any other error ends it. */
  #fail(error: unknown): void {
    const { code, message, retryable } = asOutriderError(error);
    this.#send({ type: "error", code, message, retryable });
    if (code !== "prefix_unknown") this.#end(1008, code);
    else this.#timer = setTimeout(() => this.#end(1008, "nothing was opened in time"), OPEN_WITHIN_MS);
  }

  #send(frame: OriginFrame): void {
    if (!this.#over) this.#socket.send(encodeFrame(frame));
  }

  #end(code: number, reason: string): void {
    if (this.#over) return;
    this.#over = true;
    clearTimeout(this.#timer);
    this.#socket.close(code, reason);
    this.#gateway.left();
    if (this.#drafts) this.#drafts.wake();
    else this.#settle();
  }
}
