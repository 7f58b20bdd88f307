/**
 * Ours: InfiniGen's partial keys, asked by the layer itself. Fast memory holds the partial keys anyway, so nothing has to
 * be foretold: the true query costs no second projection and chooses better (docs/keeping.md). The first four tokens are
 * always read, as StreamingLLM does.
 */
import type { Policy } from "./policy.ts";
import { skewedKeys } from "./skewed-keys.ts";

const SINKS = 4;

export const asked: Policy = {
  unit: "token",
  whole: 0,
  sinks: (most) => Math.min(SINKS, most),
  recent: () => 0,
  scores: skewedKeys(false, Number.POSITIVE_INFINITY),
};
