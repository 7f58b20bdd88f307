/**
 * The first four tokens and the newest: Xiao et al. 2024, StreamingLLM (arXiv 2309.17453), section 3.2. Positions stay
 * those of the timeline, where the paper counts them inside the cache.
 */
import type { Policy } from "./policy.ts";
import { SINKS, sinks } from "./sinks.ts";

export const window: Policy = {
  unit: "token",
  whole: 0,
  sinks,
  recent: (most) => Math.max(0, most - SINKS),
};
