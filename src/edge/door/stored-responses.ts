/** The Worker's part of `/v1/responses`: which Session a response belongs to. */
import { OutriderError } from "../../core/model/errors.ts";
import { randomRoot, responseId, rootIn, rootOf } from "../api/responses/ids.ts";
import type { ResponsesDialect } from "../api/responses/request.ts";
import type { Env } from "../env.ts";
import { sessionOf } from "../session/sessions.ts";
import { fromStorage } from "../store/storage-failure.ts";
import { admitTokens } from "../tenant/metering.ts";
import { hiddenName, type Tenant } from "../tenant/tenant.ts";

/** Only a tenant's own requests get to what a root names. */
const nameOf = (tenant: string, root: string): Promise<string> => hiddenName(tenant, `response:${root}`);

/**
 * Asks the Session that a response hangs on: that of the response before it or of an item that it refers to, or else
 * the one by which chat requests find their conversation. Where that is at work for somebody else, a new one answers.
 *
 * @param mark how chat requests name the conversation
 * @param named whether the client gave it that name
 * @param ask asks a Session, or what is `elsewhere` where that one is busy
 */
export async function askResponse(
  dialect: ResponsesDialect,
  { tenant, requestId }: { readonly tenant: string; readonly requestId: string },
  mark: string,
  named: boolean,
  ask: (session: string, dialect: ResponsesDialect, elsewhere?: () => Promise<Response>) => Promise<Response>,
): Promise<Response> {
  const at = async (root: string, elsewhere?: () => Promise<Response>) =>
    ask(await nameOf(tenant, root), { ...dialect, id: responseId(root, requestId) }, elsewhere);
  const [earlier = dialect.previous] = Object.values(dialect.references).flat();
  const known = earlier === null ? null : rootIn(earlier);
  if (known !== null) return at(known);
  const root = rootOf(mark);
  return named ? at(root) : at(root, () => at(randomRoot()));
}

/** `GET` and `DELETE` of a stored response: a request of its key, and no tokens. Throws a 404, or `storage_failed` (503). */
export async function storedResponse(id: string, method: string, tenant: Tenant, env: Env): Promise<Response> {
  const root = rootIn(id);
  if (root !== null) {
    const admission = tenant.record && (await admitTokens(tenant.record, 0, env));
    await admission?.meter.settle(0);
    const session = sessionOf(env, await nameOf(tenant.secret, root));
    if (method === "DELETE") {
      const deleted = await fromStorage(() => session.deleteResponse(id), "no response can be deleted");
      if (deleted) return Response.json({ id, object: "response", deleted });
    } else {
      const json = await fromStorage(() => session.storedResponse(id), "no response can be read");
      if (json !== undefined) return new Response(json, { headers: { "content-type": "application/json" } });
    }
  }
  throw new OutriderError("not_found", `there is no response ${JSON.stringify(id.slice(0, 80))} here`, { status: 404 });
}
