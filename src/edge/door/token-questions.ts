/**
 * The Worker's part of the token routes. A tokenizer takes more time to load than the Worker may use, so an object of
 * the Session's class answers; it stores nothing, and a tenant has a few of them.
 */

import { checkQuestion } from "../api/tokens/limit.ts";
import { TOKENS_PATH, type TokenRequest } from "../api/tokens/question.ts";
import type { Env } from "../env.ts";
import { describedModel } from "../prompt/target.ts";
import { KEY_NAME } from "../session/answer-line.ts";
import { sessionHere } from "../session/unstored.ts";
import { askAnyway } from "../store/storage-failure.ts";
import { admittedTokens, readCost } from "../tenant/metering.ts";
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
  const body = JSON.stringify(request);
  const admission = tenant.record && (await admittedTokens(tenant.record, readCost(body.length), env));
  try {
    const mark = affinity ?? `${Math.floor(Math.random() * OBJECTS)}`;
    const object = env.SESSION.getByName(await hiddenName(tenant.secret, `tokens:${mark}`));
    const headers = { [KEY_NAME]: tenant.name ?? "" };
    const asked = () => new Request(`https://session${TOKENS_PATH}`, { method: "POST", headers, body });
    const answer = await askAnyway((way) => (way === "here" ? sessionHere(env) : object).fetch(asked()));
    const response = new Response(answer.body, answer);
    for (const [header, value] of Object.entries(admission?.headers ?? {})) response.headers.set(header, value);
    return response;
  } finally {
    await admission?.metered.wasRead();
  }
}
