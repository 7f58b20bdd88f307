/**
 * An answer's account for an API that is open to everybody. There anybody can guess how another's conversation begins
 * and ask the same: a count of cached tokens would tell how far the guess was right. So it is left out, and what
 * follows from it. How soon the first token comes tells a little of it still (SECURITY.md).
 */
import type { Outcome } from "../api/outcome.ts";

export function untold({ timings, account, ...outcome }: Outcome): Outcome {
  const { cost: _, ...rest } = account;
  return {
    ...outcome,
    timings: { ...timings, cache_n: 0, prompt_n: timings.cache_n + timings.prompt_n },
    account: { ...rest, draft_cache_n: 0 },
  };
}
