/** From the Worker to a Session: whose it is, where it should be, what its key allows, and the way to it. */

import { notStored } from "../api/responses/request.ts";
import type { Env } from "../env.ts";
import { TRACEPARENT } from "../origins/trace.ts";
import type { Generation } from "../prompt/generation.ts";
import { checkLength } from "../prompt/length.ts";
import { maxTokens } from "../prompt/max-tokens.ts";
import { describedModel, servedModel } from "../prompt/target.ts";
import { askHere, askSession, askUnnamed } from "../session/sessions.ts";
import type { Dialect, TurnRequest } from "../session/turn-request.ts";
import type { Way } from "../store/storage-failure.ts";
import { admit } from "../tenant/metering.ts";
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
  const name = await sessionName(tenant.secret, affinity, { ...generation, model });
  const named = isNamed(affinity, generation);
  const visit = await placed(request, env, later);
  const most = maxTokens(generation.maxTokens, tenant.record?.limits.max ?? null, env);
  const admission = tenant.record && (await admit(tenant.record, generation, most, env));
  const { signal } = request;
  const turn: TurnRequest = {
    generation: { ...generation, model, maxTokens: most },
    dialect,
    session: name,
    requestId,
    key: tenant.name,
    reservation: admission?.meter.reservation ?? null,
    traceparent: request.headers.get(TRACEPARENT),
    visit,
  };
  const ask = (way: Way): Promise<Response> => {
    const askOne = way === "here" ? askHere(env, later) : askSession(env);
    const asked = { ...turn, unstored: way !== "stored" };
    if (dialect?.kind === "responses") {
      const own = way === "stored" ? dialect : notStored(dialect);
      return askResponse(own, { tenant: tenant.secret, requestId }, name, named, (session, dialect, elsewhere) =>
        askOne({ ...asked, session, dialect }, signal, elsewhere),
      );
    }
    return named || way === "here" ? askOne(asked, signal) : askUnnamed(askOne, asked, signal);
  };
  let reached = false;
  try {
    if (signal.aborted) throw clientLeft();
    reached = true;
    const response = await answered(ask, later);
    for (const [header, value] of Object.entries(admission?.headers ?? {})) response.headers.set(header, value);
    return response;
  } catch (error) {
    // No Session will; one whose client has left does, since it knows what was computed.
    if (admission && !(reached && signal.aborted)) later(admission.meter.settle(0));
    throw error;
  }
}
