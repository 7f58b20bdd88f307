/**
 * Conversations that only begin alike. Where a client names its conversation by nothing but how it opens, the Session
 * of that name may be at work for somebody else: equal openings are no reason to wait for each other. Such a turn is
 * then answered by a spare object, which keeps nothing. The conversation's next turn asks for the Session by name
 * again.
 */
import type { Placement } from "../api/placement-schema.ts";
import { hinted } from "./placement.ts";

/** A header of a turn: a Session that is busy says so, instead of letting the turn wait. */
export const UNLESS_BUSY = "x-unless-busy";
/** A header of that answer. */
export const BUSY = "x-busy";
/** A header of a turn: nobody will ask this object again, so it stores nothing. */
export const ONCE = "x-once";

/** What every object of a conversation is asked. */
export type TurnInit = Omit<RequestInit, "headers"> & { readonly headers: Readonly<Record<string, string>> };

/** The answer of the object of a conversation that has a name of its own. */
export const askSession = (
  sessions: DurableObjectNamespace,
  name: string,
  placement: Placement,
  turn: TurnInit,
): Promise<Response> => sessions.getByName(name, hinted(placement)).fetch("https://session/", turn);

/** As `askSession`, for a turn whose conversation has no name of its own. */
export async function askUnnamed(...[sessions, name, placement, turn]: Parameters<typeof askSession>) {
  const first = { ...turn, headers: { ...turn.headers, [UNLESS_BUSY]: "true" } };
  const answer = await askSession(sessions, name, placement, first);
  if (!answer.headers.has(BUSY)) return answer;
  const spare = `${name}~${crypto.randomUUID()}`;
  // The origin knows a session by this name, and takes it from whoever has it.
  const headers = { ...turn.headers, "x-session": spare, [ONCE]: "true" };
  return askSession(sessions, spare, placement, { ...turn, headers });
}
