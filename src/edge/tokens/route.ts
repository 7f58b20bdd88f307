/**
 * The Worker's part of the token routes. A tokenizer takes more time to load than the Worker may use, so an object of
 * the Session's class answers; it stores nothing, and a tenant has a few of them.
 */
import type { Env } from "../env.ts";
import { admittedTokens } from "../metering.ts";
import { hiddenName, type Tenant } from "../tenant.ts";
import type { TokenRequest } from "./question.ts";

/** Path of a Session that answers a `TokenRequest`. */
export const TOKENS_PATH = "/tokens";

/** Objects among which a tenant's questions are spread. */
const OBJECTS = 4;

/** @param affinity the client's own name for what belongs together, if it has one */
export async function askTokens(
  request: TokenRequest,
  tenant: Tenant,
  affinity: string | null,
  env: Env,
): Promise<Response> {
  const admission = tenant.record && (await admittedTokens(tenant.record, 0, env));
  try {
    const mark = affinity ?? `${Math.floor(Math.random() * OBJECTS)}`;
    const object = env.SESSION.getByName(await hiddenName(tenant.secret, `tokens:${mark}`));
    const answer = await object.fetch(`https://session${TOKENS_PATH}`, {
      method: "POST",
      body: JSON.stringify(request),
    });
    const response = new Response(answer.body, answer);
    for (const [header, value] of Object.entries(admission?.headers ?? {})) response.headers.set(header, value);
    return response;
  } finally {
    await admission?.metered.settle(0);
  }
}
