/**
 * Who is asking, and which Session is theirs. A Session's name is an HMAC under the tenant's secret of whatever tells
 * the conversation apart, never a string a client chose: equal session headers of two tenants lead to different
 * Sessions.
 */
import { OutriderError } from "../../core/model/errors.ts";
import { hex } from "../../core/model/sha256.ts";
import { bearerOf, isKnown } from "../../core/platform/bearer.ts";
import { type KeyRecord, keyHash, parseKeys, recordOf } from "../../core/platform/keys.ts";
import { RateLimited } from "../api/rate-limited.ts";
import type { Env } from "../env.ts";
import type { Generation } from "../prompt/generation.ts";

/** Characters, or token ids, of a prompt that tell conversations apart. */
const OPENING = 256;
/** Of a longer message so many characters at either end tell conversations apart, and its length: hashing takes time. */
const MESSAGE_END = 4096;
/** When a stranger who asked too often is told to come back: the longest period of Cloudflare's limiter. */
const STRANGER_MS = 60_000;

const bytes = (text: string) => new TextEncoder().encode(text);

/** Who asks. */
export interface Tenant {
  /** Names its Sessions; never shown. */
  readonly secret: string;
  /** For logs, for the origin's shares, and for the meter; null where the API is open. */
  readonly name: string | null;
  /** Of a key with a name. */
  readonly record: KeyRecord | null;
  /** May read what all keys use. */
  readonly isOperator: boolean;
}

/** Settings that are part of others now. Whoever left one as it was would open the API, or ask nobody. */
const FORMER = { KEYS: "API_KEYS", ORIGIN_URLS: "ORIGIN_URL" } as const;

function checkFormer(env: Env): void {
  for (const [former, now] of Object.entries(FORMER)) {
    if (!(env as object as Readonly<Record<string, unknown>>)[former]) continue;
    const message = `${former} is part of ${now} now; write its value there, and remove ${former}`;
    throw new OutriderError("bad_setting", message, { status: 500 });
  }
}

/** The tenant of a key or, where the API is open, everybody's. Throws a 401, or `bad_setting`. */
export async function authenticate(authorization: string | null, env: Env): Promise<Tenant> {
  checkFormer(env);
  const given = bearerOf(authorization);
  const isOperator = given !== null && Boolean(env.OPERATOR_KEY) && (await isKnown(given, [env.OPERATOR_KEY!]));
  const { plain, named } = env.API_KEYS ? parseKeys(env.API_KEYS) : { plain: [], named: [] };
  if (!env.API_KEYS && !isOperator) {
    return { secret: `open:${env.SESSION_SECRET ?? ""}`, name: null, record: null, isOperator };
  }
  if (given === null) {
    throw new OutriderError("missing_api_key", "no API key; send it as `Authorization: Bearer KEY`", { status: 401 });
  }
  const record = await recordOf(given, named);
  if (!record && !(await isKnown(given, plain)) && !isOperator) {
    throw new OutriderError("invalid_api_key", "the API key is not known to this server", { status: 401 });
  }
  return { secret: `key:${given}`, name: record?.name ?? (await keyHash(given)).slice(0, 8), record, isOperator };
}

/**
 * Throws a 429 for an address that asks too often without a key, or with keys that are none. Only Cloudflare tells
 * addresses, and its limiter counts for each of its locations.
 */
export async function checkStranger(request: Request, { STRANGERS }: Pick<Env, "STRANGERS">): Promise<void> {
  const address = request.headers.get("cf-connecting-ip");
  if (!STRANGERS || address === null || (await STRANGERS.limit({ key: address })).success) return;
  throw new RateLimited("this address has asked too often without a key of this server", STRANGER_MS);
}

/** Whether the client says which conversation it is. Otherwise only its opening tells. */
export const isNamed = (affinity: string | null, { cacheKey }: Pick<Generation, "cacheKey">): boolean =>
  Boolean(affinity || cacheKey);

/**
 * The name of the Session for a generation: the client's `x-session-affinity` header, its `prompt_cache_key`, or else
 * how the conversation opens, which later turns of it share.
 */
export function sessionName(tenant: string, affinity: string | null, generation: Generation): Promise<string> {
  const mark = affinity
    ? `header:${affinity}`
    : generation.cacheKey
      ? `key:${generation.cacheKey}`
      : `opening:${opening(generation.input)}`;
  return hiddenName(tenant, `${generation.model}\n${mark}`);
}

/** A name that only this tenant's requests lead to. */
export async function hiddenName(tenant: string, mark: string): Promise<string> {
  const key = await crypto.subtle.importKey("raw", bytes(tenant), { name: "HMAC", hash: "SHA-256" }, false, ["sign"]);
  return hex(await crypto.subtle.sign("HMAC", key, bytes(mark)));
}

function opening(input: Generation["input"]): string {
  if (input.kind !== "chat") return JSON.stringify(input.prompt.slice(0, OPENING));
  const user = input.messages.findIndex((message) => message.role === "user");
  const messages = user < 0 ? input.messages : input.messages.slice(0, user + 1);
  return JSON.stringify(messages.map((message) => ({ ...message, content: ends(message.content) })));
}

const ends = (text: string): string =>
  text.length <= 2 * MESSAGE_END ? text : `${text.slice(0, MESSAGE_END)} ${text.length} ${text.slice(-MESSAGE_END)}`;
