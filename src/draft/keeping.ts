/** The policies of which keys an attention reads, a row each, and how a setting names one. */
import { OutriderError } from "../model/errors.ts";
import { asked } from "./keeping/asked.ts";
import { h2o } from "./keeping/h2o.ts";
import { infinigen } from "./keeping/infinigen.ts";
import type { Policy } from "./keeping/policy.ts";
import { quest } from "./keeping/quest.ts";
import { snapkv } from "./keeping/snapkv.ts";
import { window } from "./keeping/window.ts";

/** Every policy but `all`, which is the absence of one. */
export const POLICIES = { window, quest, h2o, snapkv, infinigen, asked } as const satisfies Record<string, Policy>;

export type PolicyName = keyof typeof POLICIES;

/** A policy with its budget. */
export interface Keeping {
  readonly name: PolicyName;
  /** Share of the keys that an attention reads at most, over 0, at most 1. */
  readonly budget: number;
  /** Keys that are read whatever their share; none when absent. */
  readonly least?: number;
}

/** Of a setting: what fewer keys would save is little. */
const LEAST = 512;

/** `quest:0.2`: a policy and its budget, of at least 512 keys; `all`: none. Throws `bad_keeping` for anything else. */
export function readKeeping(text: string): Keeping | undefined {
  if (text === "all") return undefined;
  const [name, share, ...rest] = text.split(":");
  const budget = Number(share);
  if (Object.hasOwn(POLICIES, name!) && rest.length === 0 && budget > 0 && budget <= 1) {
    return { name: name as PolicyName, budget, least: LEAST };
  }
  throw new OutriderError(
    "bad_keeping",
    `"${text}" names no policy of which keys are read; take all, or one of ${Object.keys(POLICIES).join(", ")} ` +
      "with a share of the keys, such as quest:0.2",
  );
}
