/**
 * Heavy hitters: Zhang et al. 2023, H2O (arXiv 2306.14048), algorithm 1. Half of the budget are the newest keys, half
 * those that got most attention so far, summed over the queries of the group. What is not chosen once is never chosen
 * again.
 */
import type { Policy } from "./policy.ts";

export const h2o: Policy = {
  unit: "token",
  whole: 0,
  sinks: () => 0,
  recent: (most) => most >> 1,
  scores: { kind: "mass", observed: "all", pooled: 0 },
};
