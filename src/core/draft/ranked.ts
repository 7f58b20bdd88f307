import type { Candidate, Proposed } from "../speculate/types.ts";

/** A token that may come next, by one of several signs. */
export interface Sign extends Pick<Candidate, "id" | "source"> {
  /** Share of right tokens among those that such a sign named. */
  readonly chance: number;
}

/**
 * The first sign's token with the others as alternatives, each token once. A token's confidence is the probability that
 * it is right and all before it are wrong. Undefined where there is no sign.
 *
 * @param others most alternatives
 */
export function ranked(signs: readonly Sign[], others: number): Proposed | undefined {
  const candidates: Candidate[] = [];
  let left = 1;
  for (const { id, chance, source } of signs) {
    if (candidates.some((candidate) => candidate.id === id)) continue;
    const confidence = left * chance;
    candidates.push({ id, confidence, source });
    left -= confidence;
  }
  const [first, ...rest] = candidates;
  return first && { ...first, others: rest.slice(0, others) };
}
