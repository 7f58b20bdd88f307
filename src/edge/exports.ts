/**
 * `outrider/edge`: the edge Worker and its Durable Object class. The main module of a Worker of your own needs one
 * line,
 *
 * @example
 * export { default, Meter, Session } from "outrider/edge";
 *
 * and `createEdge` where settings are to stand in code. The Worker's wrangler file declares the bindings ASSETS,
 * SESSION and METER; `outrider init` writes one.
 */

import worker from "./door/worker.ts";
import type { Env } from "./env.ts";
import { SessionObject as Session } from "./session/session-object.ts";
import { Meter } from "./tenant/meter.ts";

export type { Env };
export { Meter, Session };
export default worker;

/** Settings by the names that they have in the Worker's environment. */
export type EdgeSettings = Omit<Env, "ASSETS" | "SESSION" | "METER" | "ORIGIN">;

export interface Edge {
  /** The Worker: the main module's default export. */
  readonly worker: Pick<typeof worker, "fetch">;
  /** The Durable Object class: the main module exports it under this name. */
  readonly Session: typeof Session;
}

/**
 * An edge whose settings stand in code. They win over those of the environment. Secrets belong into the environment.
 *
 * @example
 * const edge = createEdge({ ORIGIN_URL: "https://origin.example.com", PREFER: "time" });
 * export default edge.worker;
 * export const Session = edge.Session;
 * export { Meter } from "outrider/edge";
 */
export function createEdge(settings: EdgeSettings): Edge {
  return {
    worker: { fetch: (request, env, ctx) => worker.fetch(request, { ...(env as Env), ...settings }, ctx) },
    Session: class extends Session {
      constructor(ctx: DurableObjectState, env: Env) {
        super(ctx, { ...env, ...settings });
      }
    },
  };
}
