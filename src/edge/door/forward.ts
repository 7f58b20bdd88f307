/** From the Worker to a Session: whose it is, where it should be, what its key allows, and the way to it. */

import { notStored } from "../api/responses/request.ts";
import type { Env } from "../env.ts";
import { TRACEPARENT } from "../origins/trace.ts";
import { PLACES, type Visit } from "../place/placement.ts";
import { askSession, askUnnamed } from "../place/spare.ts";
import type { Generation } from "../prompt/generation.ts";
import { checkLength } from "../prompt/length.ts";
import { maxTokens } from "../prompt/max-tokens.ts";
import { describedModel, servedModel } from "../prompt/target.ts";
import { KEY_NAME } from "../session/answer-line.ts";
import type { Asked, Dialect } from "../session/dialect.ts";
import { askHere } from "../session/unstored.ts";
import { UNSTORED, type Way } from "../store/storage-failure.ts";
import { admitted, METERED } from "../tenant/metering.ts";
import { isNamed, sessionName, type Tenant } from "../tenant/tenant.ts";
import { clientLeft } from "../tenant/waiting.ts";
import { answered } from "./lost.ts";
import { type Later, placed } from "./placed.ts";
import { askResponse } from "./stored-responses.ts";

/** Hands a generation to the tenant's Session; the answer streams back through. */
export async function forward(
  generation: Generation,
  { tenant, requestId }: { readonly tenant: Tenant; readonly requestId: string },
  request: Request,
  env: Env,
  later: Later,
  dialect: Dialect | null = null,
): Promise<Response> {
  const model = await servedModel(generation.model, env);
  checkLength(generation, await describedModel(env.ASSETS));
  const affinity = request.headers.get("x-session-affinity");
  const name = await sessionName(tenant.secret, affinity, generation);
  const traceparent = request.headers.get(TRACEPARENT);
  const named = isNamed(affinity, generation);
  const { placement, client } = await placed(request, env, later);
  const most = maxTokens(generation.maxTokens, tenant.record?.limits.max ?? null, env);
  const admission = tenant.record && (await admitted(tenant.record, generation, most, env));
  const turnOf = (session: string, own: Dialect | null, way: Way, headers: Readonly<Record<string, string>> = {}) => ({
    method: "POST",
    headers: {
      "x-request-id": requestId,
      "x-session": session,
      ...(tenant.name !== null && { [KEY_NAME]: tenant.name }),
      ...(admission && { [METERED]: admission.metered.header }),
      ...(traceparent !== null && { [TRACEPARENT]: traceparent }),
      [PLACES]: JSON.stringify({ placement, client } satisfies Visit),
      ...(way !== "stored" && { [UNSTORED]: "true" }),
      ...headers,
    },
    body: JSON.stringify({ ...generation, model, maxTokens: most, dialect: own } satisfies Asked),
    signal: request.signal,
  });
  const ask = (way: Way): Promise<Response> => {
    const sessions = env.SESSION;
    const askOne = way === "here" ? askHere(env, later) : askSession;
    if (dialect?.kind === "responses") {
      const told = way === "stored" ? dialect : notStored(dialect);
      return askResponse(told, { tenant: tenant.secret, requestId }, name, named, (session, own, headers) =>
        askOne(sessions, session, placement, turnOf(session, own, way, headers)),
      );
    }
    const turn = turnOf(name, dialect, way);
    return (named || way === "here" ? askOne : askUnnamed)(sessions, name, placement, turn);
  };
  let reached = false;
  try {
    if (request.signal.aborted) throw clientLeft();
    reached = true;
    const response = await answered(ask, later);
    for (const [header, value] of Object.entries(admission?.headers ?? {})) response.headers.set(header, value);
    return response;
  } catch (error) {
    // No Session will; one whose client has left does, since it knows what was computed.
    if (admission && !(reached && request.signal.aborted)) later(admission.metered.settle(0));
    throw error;
  }
}
