/**
 * A Session as a Durable Object: the class that a deployment names Session. Outside of this file a Session does not know
 * what it lives in, because one whose storage fails answers without an object (unstored.ts).
 */
import { DurableObject } from "cloudflare:workers";
import type { Env } from "../env.ts";
import { Session } from "./session.ts";

export class SessionObject extends DurableObject<Env> {
  readonly #session: Session;

  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, env);
    this.#session = new Session(ctx, env);
  }

  override fetch(request: Request): Promise<Response> {
    return this.#session.fetch(request);
  }

  /** The only alarm that a Session ever sets: the end of all it stores. */
  override alarm(): Promise<void> {
    return this.#session.end();
  }
}
