/**
 * Pages by a bound of their scores: Tang et al. 2024, Quest (arXiv 2406.10774), section 3.3. Of each channel a page
 * keeps the smallest and the largest key. No key of the page scores more than Σ max(q·smallest, q·largest). As the
 * larger bound goes with channels where q is positive, that is one dot product with the positive and the negative part
 * of q.
 *
 * Here bounds are those of a quarter of a page, eight tokens, and a page scores as its best quarter. The paper reads
 * all keys in the first two layers; `whole` says what that costs of the budget.
 */
import { PAGE_TOKENS } from "../../kernels/abi.ts";
import type { Policy } from "./policy.ts";

const QUARTERS = 4;
const TOKENS = PAGE_TOKENS / QUARTERS;

export const quest: Policy = {
  unit: "page",
  whole: 0,
  sinks: () => 0,
  recent: () => 0,
  scores: {
    kind: "index",
    rows: QUARTERS,
    width: (headSize) => 2 * headSize,
    fill(keys, D, _, rows) {
      for (let quarter = 0; quarter < QUARTERS; quarter++) {
        const to = quarter * 2 * D;
        for (let d = 0; d < D; d++) {
          let largest = Number.NEGATIVE_INFINITY;
          let smallest = Number.POSITIVE_INFINITY;
          for (let t = quarter * TOKENS; t < (quarter + 1) * TOKENS; t++) {
            const key = keys[t * D + d]!;
            if (key > largest) largest = key;
            if (key < smallest) smallest = key;
          }
          rows[to + d] = largest;
          rows[to + D + d] = smallest;
        }
      }
    },
    probe(query, _, probe) {
      const D = query.length;
      for (let d = 0; d < D; d++) {
        probe[d] = Math.max(0, query[d]!);
        probe[D + d] = Math.min(0, query[d]!);
      }
    },
    skewed: false,
    ahead: false,
    reach: Number.POSITIVE_INFINITY,
  },
};
