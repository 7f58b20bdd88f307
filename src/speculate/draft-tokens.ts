/** The beginning of a draft: what a wire, a vocabulary or a pass has room for. */
import type { DraftTokens, Sibling } from "./types.ts";

/** The first `most` tokens before one that is not `valid`: it cannot be kept, nor what follows; and the valid siblings of these. */
export function beginningOf(
  { tokens, siblings = [] }: DraftTokens,
  most: number,
  valid: (id: number) => boolean = () => true,
): { tokens: readonly number[]; siblings: readonly Sibling[] } {
  const bad = tokens.findIndex((id) => !valid(id));
  const first = tokens.slice(0, bad < 0 ? most : Math.min(most, bad));
  return { tokens: first, siblings: siblings.filter(({ at, id }) => at < first.length && valid(id)) };
}
