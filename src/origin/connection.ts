/**
 * One socket of the origin and its state: waiting for an `open`, generating, or over. Turns frames into calls of the
 * gateway and verdicts into frames.
 */
import { OutriderError } from "../core/model/errors.ts";
import type { Verdict } from "../core/speculate/types.ts";
import { decodeEdgeFrame, encodeFrame, type OpenFrame, type OriginFrame } from "../core/verify/protocol.ts";
import { asOutriderError } from "./errors.ts";
import type { Gateway } from "./gateway.ts";
import type { Generation } from "./generation.ts";

/** What a connection needs of a socket. Both may be called when the other side is gone, and then do nothing. */
interface OriginSocket {
  send(text: string): void;
  close(code: number, reason: string): void;
}

/** A socket on which nothing is opened is closed after this long. */
const OPEN_WITHIN_MS = 10_000;
/** An edge that has heard of no verdict for so long hears that its generation goes on. */
const WORKING_MS = 5000;

export class Connection {
  readonly #socket: OriginSocket;
  readonly #gateway: Gateway;
  readonly #traceparent: string | null;
  #generation: Generation | null = null;
  #over = false;
  #timer: ReturnType<typeof setTimeout>;
  #working: ReturnType<typeof setTimeout> | undefined;
  #settle: () => void = () => {};
  /** Resolves when the socket is closed and its generation has let go of what it held. */
  readonly settled: Promise<void> = new Promise((resolve) => {
    this.#settle = resolve;
  });

  /**
   * Its owner passes on what arrives with `receive`, and reports the socket's end with `closed`.
   * @param traceparent the header of the upgrade, if it had one
   */
  constructor(socket: OriginSocket, gateway: Gateway, traceparent?: string | string[] | null) {
    this.#traceparent = typeof traceparent === "string" ? traceparent : null;
    this.#socket = socket;
    this.#gateway = gateway;
    gateway.enter();
    this.#timer = setTimeout(() => this.#end(1008, "nothing was opened in time"), OPEN_WITHIN_MS);
  }

  receive(text: string): void {
    if (this.#over) return;
    try {
      const frame = decodeEdgeFrame(text);
      if (frame.type === "close") this.#end(1000, "closed by the edge");
      else if (frame.type === "draft") this.#generation?.draft(frame);
      else if (!this.#generation) void this.#generate(frame);
      else throw running();
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
    const generation = this.#gateway.generation(open);
    this.#generation = generation;
    this.#tellWorking(generation);
    try {
      const send = (verdict: Verdict) => {
        this.#send({ type: "verdict", ...verdict, tokens: [...verdict.tokens] });
        this.#tellWorking(generation);
      };
      const reason = await this.#gateway.run(generation, send, this.#traceparent);
      if (!reason) return;
      const { promptTokens, decided, passes } = generation;
      this.#send({ type: "done", reason, usage: { prompt: promptTokens, decided, passes } });
      this.#end(1000, "done");
    } catch (error) {
      this.#fail(error);
    } finally {
      clearTimeout(this.#working);
      this.#generation = null;
      if (this.#over) this.#settle();
    }
  }

  /** From now on, until a verdict: a generation may take minutes to read its prompt, or wait for others. */
  #tellWorking(generation: Generation): void {
    clearTimeout(this.#working);
    if (this.#over) return;
    this.#working = setTimeout(() => {
      this.#send({ type: "working", slices: generation.slices });
      this.#tellWorking(generation);
    }, WORKING_MS);
  }

  /** An edge whose prefix is unknown may open again on the same socket; any other error ends it. */
  #fail(error: unknown): void {
    this.#gateway.failed(error);
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
    clearTimeout(this.#working);
    this.#socket.close(code, reason);
    this.#gateway.leave();
    if (this.#generation) this.#generation.leave();
    else this.#settle();
  }
}

/** An edge opens once on a socket. A frame that was doubled on its way may come through at the next try. */
const running = () =>
  new OutriderError("bad_frame", "a generation is already running on this socket", { retryable: true });
