/**
 * Who is asking, and which Session is theirs. A Session's name is an HMAC under the tenant's secret of whatever tells
 * the conversation apart, never a string a client chose: equal session headers of two tenants lead to different
 * Sessions.
 */
import { OutriderError } from "../model/errors.ts";
import { hex, sha256Hex } from "../model/sha256.ts";
import { bearerOf, isKnown } from "../platform/bearer.ts";
import type { Env } from "./env.ts";
import type { Generation } from "./openai.ts";

/** Characters, or token ids, of a prompt that tell conversations apart. */
const OPENING = 256;

const bytes = (text: string) => new TextEncoder().encode(text);

/** The tenant's secret: its API key or, where the API is open, the server's. Throws a 401, or `bad_setting`. */
export async function authenticate(authorization: string | null, env: Env): Promise<string> {
  if (!env.API_KEYS) return `open:${env.SESSION_SECRET ?? ""}`;
  const keys = env.API_KEYS.split(",")
    .map((key) => key.trim())
    .filter((key) => key !== "");
  if (keys.length === 0) {
    // Whoever set it wanted keys: an open API would be the opposite.
    throw new OutriderError("bad_setting", "API_KEYS is set and holds no key; write keys into it, or remove it", {
      status: 500,
    });
  }
  const given = bearerOf(authorization);
  if (given === null) {
    throw new OutriderError("missing_api_key", "no API key; send it as `Authorization: Bearer KEY`", { status: 401 });
  }
  if (!(await isKnown(given, keys))) {
    throw new OutriderError("invalid_api_key", "the API key is not known to this server", { status: 401 });
  }
  return `key:${given}`;
}

/** How logs call a tenant: eight hex digits of its key's SHA-256, which tell nothing of the key; null if open. */
export const keyNameOf = async (tenant: string): Promise<string | null> =>
  tenant.startsWith("key:") ? (await sha256Hex(bytes(tenant.slice(4)))).slice(0, 8) : null;

/** Whether the client says which conversation it is. Otherwise only its opening tells. */
export const isNamed = (affinity: string | null, { cacheKey }: Pick<Generation, "cacheKey">): boolean =>
  Boolean(affinity || cacheKey);

/**
 * The name of the Session for a generation: the client's `x-session-affinity` header, its `prompt_cache_key`, or else
 * how the conversation opens, which later turns of it share.
 */
export async function sessionName(tenant: string, affinity: string | null, generation: Generation): Promise<string> {
  const key = await crypto.subtle.importKey("raw", bytes(tenant), { name: "HMAC", hash: "SHA-256" }, false, ["sign"]);
  const mark = affinity
    ? `header:${affinity}`
    : generation.cacheKey
      ? `key:${generation.cacheKey}`
      : `opening:${opening(generation.input)}`;
  return hex(await crypto.subtle.sign("HMAC", key, bytes(`${generation.model}\n${mark}`)));
}

function opening(input: Generation["input"]): string {
  if (input.kind !== "chat") return JSON.stringify(input.prompt.slice(0, OPENING));
  const user = input.messages.findIndex((message) => message.role === "user");
  return JSON.stringify(user < 0 ? input.messages : input.messages.slice(0, user + 1));
}
