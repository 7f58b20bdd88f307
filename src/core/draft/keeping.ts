/** The policies of which keys an attention reads, a row each, and how a setting names what a draft holds and reads. */
import { PAGE_TOKENS } from "../kernels/abi.ts";
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

/** What a setting says of a conversation's keys. */
export interface Reading {
  /** Tokens whose keys are held at most: those of the first page and the newest. As many as fit when absent. */
  readonly held?: number;
  /** Which of the held keys a draft step reads; all when absent. */
  readonly keeping?: Keeping;
}

/** Of a setting: what fewer keys would save is little. */
const LEAST = 512;
/** A cache holds three pages or more (cache.ts). */
const LEAST_HELD = 3 * PAGE_TOKENS;

/**
 * `near:384`: the tokens that are held, whole pages. `quest:0.2`: a policy and its budget, of at least 512 keys.
 * `all`: neither. Throws `bad_keeping` for anything else.
 */
export function readKeeping(text: string): Reading {
  if (text === "all") return {};
  const [name, number, ...rest] = text.split(":");
  const value = Number(number);
  if (rest.length === 0 && name === "near" && value >= LEAST_HELD && value % PAGE_TOKENS === 0) return { held: value };
  if (rest.length === 0 && Object.hasOwn(POLICIES, name!) && value > 0 && value <= 1) {
    return { keeping: { name: name as PolicyName, budget: value, least: LEAST } };
  }
  throw new OutriderError(
    "bad_keeping",
    `"${text}" names no policy of which keys are read; take all, near with a multiple of ${PAGE_TOKENS} tokens from ` +
      `${LEAST_HELD} on, such as near:384, or one of ${Object.keys(POLICIES).join(", ")} with a share of the keys, ` +
      "such as quest:0.2",
  );
}
