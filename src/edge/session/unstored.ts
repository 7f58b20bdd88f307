/**
 * A Session without an object, for answers whose object the runtime cannot start because of what it stores. It lives in
 * the Worker's own request and stores nothing.
 */
import type { Env } from "../env.ts";
import type { askSession } from "../place/spare.ts";
import { Session } from "./session.ts";

/** As `askSession`, of a Session that lives as long as this request. */
export const askHere =
  (env: Env, later: (work: Promise<unknown>) => void): typeof askSession =>
  (_sessions, name, _placement, turn) => {
    // The origin knows a session by this name, and takes it from whoever has it.
    const headers = { ...turn.headers, "x-session": `${name}~${crypto.randomUUID()}` };
    return sessionHere(env, later).fetch(new Request("https://session/", { ...turn, headers }));
  };

/** A Session without an object. */
export const sessionHere = (env: Env, later: (work: Promise<unknown>) => void = () => {}): Session =>
  new Session({ storage: null, waitUntil: later }, env);
