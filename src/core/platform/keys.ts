/**
 * Keys, as the setting API_KEYS holds them: a word with commas or spaces around it is a key; with a name there stand
 * its SHA-256 and its limits, and never the key. Keys are random words of 192 bits, so their hashes need neither salt
 * nor stretching.
 *
 *   API_KEYS="or-5e8…, anna:9f86d0…:rpm=60,tpm=40000 build:60303a…"
 */
import { timingSafeEqual } from "hono/utils/buffer";
import { OutriderError } from "../model/errors.ts";
import { sha256Hex } from "../model/sha256.ts";

/** Limits by the names that they have in API_KEYS. One that is absent is none. */
export const LIMITS = {
  rpm: "requests a minute",
  rpd: "requests a day (UTC)",
  tpm: "tokens a minute, of prompts and answers together",
  tpd: "tokens a day (UTC)",
  parallel: "answers at once",
  max: "tokens of an answer",
} as const;

export type KeyLimits = { readonly [name in keyof typeof LIMITS]?: number };

export interface KeyRecord {
  readonly name: string;
  /** SHA-256 of the key, 64 hex digits. */
  readonly hash: string;
  readonly limits: KeyLimits;
}

/** API_KEYS where all keys were revoked: nobody may ask, which is not the same as an open API. */
const NOBODY = "none";
/** A value of a Worker's environment has at most so many bytes. */
export const MOST_KEY_BYTES = 5 * 1024;

const NAME = /^[a-z0-9][a-z0-9._-]{0,31}$/;

/** Throws `bad_setting` with what a name may be. */
export function checkKeyName(name: string): void {
  if (NAME.test(name)) return;
  throw new OutriderError(
    "bad_setting",
    `"${name}" is no name of a key: up to 32 lower-case letters, digits, dots, dashes and underscores`,
    { status: 500 },
  );
}

/** What API_KEYS holds. */
export interface Keys {
  /** Without names and limits. */
  readonly plain: readonly string[];
  readonly named: readonly KeyRecord[];
}

/**
 * Reads API_KEYS. Limits stand in one word with their key; every other comma parts two keys. Throws `bad_setting`
 * (500), which names the entry and never shows a key or a hash.
 */
export function parseKeys(setting: string): Keys {
  const words = setting
    .split(/\s+/)
    .flatMap((word) => (word.includes(":") ? [word.replace(/,$/, "")] : word.split(",")));
  const entries = words.filter((entry) => entry !== "");
  if (entries.length === 1 && entries[0] === NOBODY) return { plain: [], named: [] };
  // Whoever set it wanted keys: an open API would be the opposite.
  if (entries.length === 0) throw bad("it is set and holds no key; write keys with `outrider keys add`, or remove it");
  const plain = entries.filter((entry) => !entry.includes(":"));
  const named = entries.filter((entry) => entry.includes(":")).map(record);
  if (new Set(named.map(({ name }) => name)).size < named.length) throw bad("a name stands there twice");
  return { plain, named };
}

function record(entry: string): KeyRecord {
  const [name = "", hash = "", limits = "", ...rest] = entry.split(":");
  checkKeyName(name);
  if (!/^[0-9a-f]{64}$/.test(hash) || rest.length > 0) {
    throw bad(`"${name}" is not NAME:SHA-256 or NAME:SHA-256:LIMITS`);
  }
  const pairs = limits === "" ? [] : limits.split(",").map((pair) => pair.split("="));
  for (const [limit = "", value = ""] of pairs) {
    if (Object.hasOwn(LIMITS, limit) && /^[1-9]\d{0,11}$/.test(value)) continue;
    throw bad(`"${limit}=${value}" of "${name}" is no limit; there are ${Object.keys(LIMITS).join(", ")}, from 1`);
  }
  return { name, hash, limits: Object.fromEntries(pairs.map(([limit, value]) => [limit, Number(value)])) };
}

/** Each limit as API_KEYS has it, such as rpm=60. */
export const limitWords = (limits: KeyLimits): string[] =>
  Object.entries(limits).map(([limit, value]) => `${limit}=${value}`);

/** As `parseKeys` reads it. */
export function formatKeys({ plain, named }: Keys): string {
  const entry = ({ name, hash, limits }: KeyRecord) => {
    const pairs = limitWords(limits);
    return [name, hash, ...(pairs.length > 0 ? [pairs.join(",")] : [])].join(":");
  };
  return [...plain, ...named.map(entry)].join(" ") || NOBODY;
}

export const keyHash = (key: string): Promise<string> => sha256Hex(new TextEncoder().encode(key));

/** The record of a key, or null. Every record is compared to its end, so the time taken tells nothing of any. */
export async function recordOf(key: string, records: readonly KeyRecord[]): Promise<KeyRecord | null> {
  const hash = await keyHash(key);
  let found: KeyRecord | null = null;
  for (const each of records) if (await timingSafeEqual(each.hash, hash)) found = each;
  return found;
}

const bad = (what: string) => new OutriderError("bad_setting", `API_KEYS: ${what}`, { status: 500 });
