/**
 * How Sessions are asked: the object of a conversation, a spare one, or one without an object.
 *
 * Conversations may only begin alike. Where a client names its conversation by nothing but how it opens, the Session of
 * that name may be at work for somebody else: equal openings are no reason to wait for each other. Such a turn is then
 * answered by a spare object, which keeps nothing. The conversation's next turn asks for the Session by name again.
 */
import type { Placement } from "../api/placement-schema.ts";
import type { Env } from "../env.ts";
import { hinted } from "../place/placement.ts";
import { Session } from "./session.ts";
import { BUSY_STATUS, type TurnRequest } from "./turn-request.ts";

/** A Session as the Worker asks it. A turn goes by `fetch` (session-object.ts), all else by RPC. */
type SessionStub = Pick<Session, "tokens" | "storedResponse" | "deleteResponse"> & Pick<Fetcher, "fetch">;

/** The Session of that name, made where `placement` says if there is none. */
export const sessionOf = ({ SESSION }: Pick<Env, "SESSION">, name: string, placement?: Placement): SessionStub =>
  SESSION.getByName(name, placement && hinted(placement)) as unknown as SessionStub;

/** Asks for a turn. A Session that is busy lets it wait, unless it is asked for `elsewhere`. */
type AskTurn = (turn: TurnRequest, signal: AbortSignal, elsewhere?: () => Promise<Response>) => Promise<Response>;

/** The answer of the object that the turn names. */
export const askSession =
  (env: Pick<Env, "SESSION">): AskTurn =>
  async (turn, signal, elsewhere) => {
    const session = sessionOf(env, turn.session, turn.visit.placement);
    const body = JSON.stringify({ ...turn, unlessBusy: elsewhere !== undefined } satisfies TurnRequest);
    const answer = await session.fetch("https://session/", { method: "POST", body, signal });
    return elsewhere && answer.status === BUSY_STATUS ? elsewhere() : answer;
  };

/** As `askSession`, of a Session that lives as long as this request and stores nothing. */
export const askHere =
  (env: Env, later: (work: Promise<unknown>) => void): AskTurn =>
  (turn, signal) =>
    sessionHere(env, later).turn({ ...turn, session: spareOf(turn.session) }, signal);

/** For a turn whose conversation has no name of its own: a spare object answers where the Session is busy. */
export const askUnnamed = (ask: AskTurn, turn: TurnRequest, signal: AbortSignal): Promise<Response> =>
  ask(turn, signal, () => ask({ ...turn, session: spareOf(turn.session), once: true }, signal));

/** The origin knows a session by its name, and takes it from whoever has it. */
const spareOf = (session: string): string => `${session}~${crypto.randomUUID()}`;

/**
 * A Session without an object, for answers whose object the runtime cannot start because of what it stores. It lives in
 * the Worker's own request and stores nothing.
 */
export const sessionHere = (env: Env, later: (work: Promise<unknown>) => void = () => {}): Session =>
  new Session({ storage: null, waitUntil: later }, env);
