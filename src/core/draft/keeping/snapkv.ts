/**
 * Keys of the prompt that its last 32 queries attended to: Li et al. 2024, SnapKV (arXiv 2404.14469), section 4. They
 * are chosen once, behind the prompt, with attention pooled over seven neighbours. All that comes later is read.
 */
import type { Policy } from "./policy.ts";

export const snapkv: Policy = {
  unit: "token",
  whole: 0,
  sinks: () => 0,
  recent: () => 0,
  scores: { kind: "mass", observed: "prompt", pooled: 3 },
};
