/** The origin's bearer token. */
import { sha256Hex } from "../model/sha256.ts";

const hash = (text: string) => sha256Hex(new TextEncoder().encode(text));

/** Whether an `authorization` header carries `token`. Compares hashes, of one length, to their end: time tells nothing. */
export async function bearerMatches(authorization: string | null, token: string): Promise<boolean> {
  const given = /^Bearer\s+(\S+)\s*$/i.exec(authorization ?? "")?.[1] ?? "";
  const [a, b] = [await hash(given), await hash(token)];
  let difference = 0;
  for (let i = 0; i < a.length; i++) difference |= a.charCodeAt(i) ^ b.charCodeAt(i);
  return difference === 0;
}
