/**
 * The Worker's part of the token routes. A tokenizer takes more time to load than the Worker may use, so an object of
 * the Session's class answers; it stores nothing, and a tenant has a few of them.
 */

import { errorOf } from "../api/error-response.ts";
import { checkQuestion } from "../api/tokens/limit.ts";
import type { TokenRequest } from "../api/tokens/question.ts";
import type { Env } from "../env.ts";
import { describedModel } from "../prompt/target.ts";
import { sessionHere, sessionOf } from "../session/sessions.ts";
import { askAnyway } from "../store/storage-failure.ts";
import { admitTokens, readCost } from "../tenant/metering.ts";
import { hiddenName, type Tenant } from "../tenant/tenant.ts";

/** Objects among which a tenant's questions are spread. */
const OBJECTS = 4;

/**
 * Throws a 400 for what is too much, and a 429 where the key has no more: what is read costs it a share of its tokens.
 * @param affinity the client's own name for what belongs together, if it has one
 */
export async function askTokens(
  request: TokenRequest,
  tenant: Tenant,
  affinity: string | null,
  env: Env,
): Promise<Response> {
  checkQuestion(request.question, await describedModel(env.ASSETS));
  const { length } = JSON.stringify(request);
  const admission = tenant.record && (await admitTokens(tenant.record, readCost(length), env));
  try {
    const mark = affinity ?? `${Math.floor(Math.random() * OBJECTS)}`;
    const object = sessionOf(env, await hiddenName(tenant.secret, `tokens:${mark}`));
    const answer = await askAnyway((way) =>
      (way === "here" ? sessionHere(env) : object).tokens(request, tenant.name ?? ""),
    );
    if ("error" in answer) throw errorOf(answer.error);
    return new Response(answer.json, { headers: { "content-type": "application/json", ...admission?.headers } });
  } finally {
    await admission?.meter.wasRead();
  }
}
