/**
 * How the Worker finds the object of a conversation. Objects do not move, so a conversation that is badly placed goes
 * on in a new one, whose name ends in the number of moves. The old object says so to whoever still asks it, and hands
 * its timeline over first:
 *
 *   Worker ── turn ──▶ old        writes down that it has moved, before it answers
 *          ◀─ moved to 1, timeline
 *          ── adopt, timeline ──▶ new      keeps it unless it has one
 *          ── left ──▶ old        deletes what it held, but not that it has moved
 *          ── turn ──▶ new
 *
 * Cut off anywhere, the next request does the rest. From the first step on the old object takes no turn, so two never
 * speak for one conversation. Whatever is handed over could be computed again from the next request: losing it costs
 * time and never a word.
 */
import type { Region } from "../../core/verify/region.ts";
import type { Placement } from "../api/placement-schema.ts";
import { hinted } from "./placement.ts";
import type { Moved } from "./whereabouts.ts";

/** How often a conversation may move. */
export const MOST_MOVES = 2;
/**
 * How long an isolate goes to an object without asking the one before. It is much less than an old object remembers
 * longer than a new one lives, so the old one hears of the conversation as long as that goes on.
 */
const REMEMBER_MS = 3600 * 1000;
/** Conversations that an isolate remembers. */
const MOST_REMEMBERED = 10_000;

/** A header of a turn: a `Visit` as JSON. */
export const PLACES = "x-places";

/** And another: how often the conversation has moved to get to the object that is asked. */
export const MOVES = "x-moves";

/** What the Worker knows of places when it asks for a turn. */
export interface Visit {
  /** Where the Session should be. */
  readonly placement: Placement;
  /** The region of the client. */
  readonly client: Region | null;
}

/** A header of an object that has moved: a `Moved` as JSON. The body is its timeline, if that is there still. */
export const MOVED = "x-moved";

/** What the Worker knows of conversations that have moved, by name. */
const remembered = new Map<string, { readonly moves: number; readonly until: number }>();

const nameOf = (name: string, moves: number): string => (moves === 0 ? name : `${name}.${moves}`);

/**
 * Asks the object of a conversation and returns its answer.
 * @param turn what every object of it is asked
 * @param later keeps the request alive for what nobody waits for
 */
export async function askSession(
  sessions: DurableObjectNamespace,
  name: string,
  placement: Placement,
  turn: Omit<RequestInit, "headers"> & { readonly headers: Readonly<Record<string, string>> },
  later: (work: Promise<unknown>) => void,
): Promise<Response> {
  const known = remembered.get(name);
  let moves = known && known.until > Date.now() ? known.moves : 0;
  let object = sessions.getByName(nameOf(name, moves), hinted(placement));
  for (;;) {
    const headers = { ...turn.headers, [MOVES]: `${moves}` };
    const answer = await object.fetch("https://session/", { ...turn, headers });
    const header = answer.headers.get(MOVED);
    if (header === null) return answer;
    const moved = JSON.parse(header) as Moved;
    const next = sessions.getByName(nameOf(name, moved.moves), hinted(moved));
    const timeline = await answer.arrayBuffer();
    if (timeline.byteLength > 0) {
      await next.fetch("https://session/adopt", { method: "POST", headers: { [MOVED]: header }, body: timeline });
      // Where it does not hear of it, it offers its timeline again.
      later(object.fetch("https://session/left", { method: "POST" }).catch(() => {}));
    }
    moves = moved.moves;
    object = next;
    remember(name, moves);
  }
}

function remember(name: string, moves: number): void {
  remembered.delete(name);
  remembered.set(name, { moves, until: Date.now() + REMEMBER_MS });
  // The one that was remembered first goes first.
  if (remembered.size > MOST_REMEMBERED) remembered.delete(remembered.keys().next().value!);
}
