/** Bearer tokens, as clients show them to the edge and edges to the origin. */
import { timingSafeEqual } from "hono/utils/buffer";

/** The token of an `authorization: Bearer` header, or null if the header carries none. */
export const bearerOf = (authorization: string | null): string | null =>
  /^Bearer\s+(\S+)\s*$/i.exec(authorization ?? "")?.[1] ?? null;

/**
 * Whether `given` is among `known`. Each is compared to its end, so the time taken reveals nothing about any of them.
 */
export async function isKnown(given: string, known: readonly string[]): Promise<boolean> {
  let found = false;
  for (const token of known) found = (await timingSafeEqual(token, given)) || found;
  return found;
}
