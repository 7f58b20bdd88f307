/**
 * Lee et al. 2024, InfiniGen (arXiv 2406.19707), sections 4.2 and 4.3. While layer i − 1 runs, its input goes through
 * the norm and the query weights of layer i. The authors' code takes the norm of layer i − 1, which foretells worse
 * (docs/keeping.md). The query that comes out is near the true one, as the residual stream changes slowly. Its product
 * with the partial keys of layer i speculates the scores. Keys within α of the best are read.
 *
 * RoPE lies between the weights and the skew, so the whole query projection is computed, as in the authors' code for
 * Llama, and not a part of it. Each key/value head counts the keys of its own query heads, where the authors take
 * the mean count of all heads.
 */
import type { Policy } from "./policy.ts";
import { skewedKeys } from "./skewed-keys.ts";

/** α of the paper for Llama. */
const ALPHA = 5;

export const infinigen: Policy = {
  unit: "token",
  // Nothing speculates the first layer.
  whole: 1,
  sinks: () => 0,
  recent: () => 0,
  scores: skewedKeys(true, ALPHA),
};
