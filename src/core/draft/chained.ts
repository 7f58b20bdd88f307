import type { More, Proposed } from "../speculate/types.ts";

/**
 * A chain of drafted tokens, one after the other; otherwise as `Drafter.propose`.
 *
 * @param after what follows the timeline and `ids`, the chain so far; undefined where nothing is known
 */
export async function chained(
  max: number,
  more: More,
  others: number,
  after: (ids: readonly number[]) => Promise<Proposed | undefined> | Proposed | undefined,
): Promise<readonly Proposed[]> {
  const proposed: Proposed[] = [];
  const ids: number[] = [];
  while (proposed.length < max) {
    const next = await after(ids);
    if (!next) break;
    proposed.push({ ...next, others: next.others?.slice(0, others) ?? [] });
    ids.push(next.id);
    if (!more(next)) break;
  }
  return proposed;
}
