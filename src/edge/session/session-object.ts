/**
 * A Session as a Durable Object: the class that a deployment names Session. Outside of this file a Session does not know
 * what it lives in, because one whose storage fails answers without an object (sessions.ts).
 */
import { DurableObject } from "cloudflare:workers";
import type { Env } from "../env.ts";
import { Session } from "./session.ts";
import type { TurnRequest } from "./turn-request.ts";

export class SessionObject extends DurableObject<Env> {
  readonly #session: Session;

  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, env);
    this.#session = new Session(ctx, env);
  }

  /**
   * A turn: takes a `TurnRequest` as JSON. It is no RPC because only a request tells that its client has left: workerd
   * has the flag `enable_abortsignal_rpc` for experiments alone, and Cloudflare deploys no Worker that asks for it.
   */
  override async fetch(request: Request): Promise<Response> {
    return this.#session.turn((await request.json()) as TurnRequest, request.signal);
  }

  tokens(...asked: Parameters<Session["tokens"]>): ReturnType<Session["tokens"]> {
    return this.#session.tokens(...asked);
  }

  storedResponse(id: string): Promise<string | undefined> {
    return this.#session.storedResponse(id);
  }

  deleteResponse(id: string): Promise<boolean> {
    return this.#session.deleteResponse(id);
  }

  /** The only alarm that a Session ever sets: the end of all it stores. */
  override alarm(): Promise<void> {
    return this.#session.end();
  }
}
