/** From the Worker to a Session: whose it is, where it should be, what its key allows, and the way to it. */
import { KEY_NAME } from "./answer-line.ts";
import type { Asked, Dialect } from "./dialect.ts";
import type { Env } from "./env.ts";
import { askSession, PLACES, type Visit } from "./finding.ts";
import type { Generation } from "./generation.ts";
import { checkLength } from "./length.ts";
import { answered } from "./lost.ts";
import { maxTokens } from "./max-tokens.ts";
import { admitted, METERED } from "./metering.ts";
import { type Later, placed } from "./placed.ts";
import { askResponse } from "./responses/route.ts";
import { askUnnamed } from "./spare.ts";
import { describedModel, servedModel } from "./target.ts";
import { isNamed, sessionName, type Tenant } from "./tenant.ts";
import { TRACEPARENT } from "./trace.ts";

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
  const turnOf = (session: string, own: Dialect | null) => ({
    method: "POST",
    headers: {
      "x-request-id": requestId,
      "x-session": session,
      ...(tenant.name !== null && { [KEY_NAME]: tenant.name }),
      ...(admission && { [METERED]: admission.metered.header }),
      ...(traceparent !== null && { [TRACEPARENT]: traceparent }),
      [PLACES]: JSON.stringify({ placement, client } satisfies Visit),
    },
    body: JSON.stringify({ ...generation, model, maxTokens: most, dialect: own } satisfies Asked),
    signal: request.signal,
  });
  const ask = (): Promise<Response> => {
    const sessions = env.SESSION;
    if (dialect?.kind === "responses") {
      return askResponse(dialect, { tenant: tenant.secret, requestId }, name, named, (session, own, headers) => {
        const turn = turnOf(session, own);
        const told = { ...turn, headers: { ...turn.headers, ...headers } };
        return askSession(sessions, session, placement, told, later);
      });
    }
    return (named ? askSession : askUnnamed)(sessions, name, placement, turnOf(name, dialect), later);
  };
  try {
    const response = await answered(ask, later);
    for (const [header, value] of Object.entries(admission?.headers ?? {})) response.headers.set(header, value);
    return response;
  } catch (error) {
    // No Session will.
    if (admission) later(admission.metered.settle(0));
    throw error;
  }
}
