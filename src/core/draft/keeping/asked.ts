/**
 * Ours: InfiniGen's partial keys, asked by the layer itself. Fast memory holds the partial keys anyway, so nothing has
 * to be foretold: the true query costs no second projection and chooses better (docs/keeping.md). The first four tokens
 * are always read, as StreamingLLM does.
 */
import type { Policy } from "./policy.ts";
import { sinks } from "./sinks.ts";
import { skewedKeys } from "./skewed-keys.ts";

export const asked: Policy = {
  unit: "token",
  whole: 0,
  sinks,
  recent: () => 0,
  scores: skewedKeys(false, Number.POSITIVE_INFINITY),
};
