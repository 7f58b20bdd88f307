/** How a setting names the keys that a draft holds and reads. */
import { PAGE_TOKENS } from "../kernels/abi.ts";
import { OutriderError } from "../model/errors.ts";

/** How many keys an attention may read. */
export interface KeyBudget {
  /** Share of the keys, over 0, at most 1. */
  readonly share: number;
  /** Keys that are read whatever their share; one when absent. */
  readonly least?: number;
}

/** What a setting says of a conversation's keys: all are held and read where it says neither. */
export interface KeyPolicy {
  /** Tokens whose keys are held at most: those of the first page and the newest. As many as fit when absent. */
  readonly held?: number;
  /** InfiniGen chooses which of the held keys a draft step reads; all when absent. */
  readonly infinigen?: KeyBudget;
}

/** Of a setting: what fewer keys would save is little. */
const LEAST = 512;
/** A cache holds three pages or more (cache.ts). */
const LEAST_HELD = 3 * PAGE_TOKENS;

/**
 * `all`; `near:384`, with the tokens that are held, whole pages; or `infinigen:0.2`, with its budget, of at least 512
 * keys. Throws `bad_key_policy` for anything else.
 */
export function readKeyPolicy(text: string): KeyPolicy {
  if (text === "all") return {};
  const [name, number, ...rest] = text.split(":");
  const value = Number(number);
  if (rest.length === 0 && name === "near" && value >= LEAST_HELD && value % PAGE_TOKENS === 0) return { held: value };
  if (rest.length === 0 && name === "infinigen" && value > 0 && value <= 1) {
    return { infinigen: { share: value, least: LEAST } };
  }
  throw new OutriderError(
    "bad_key_policy",
    `"${text}" names no key policy; take all, near with a multiple of ${PAGE_TOKENS} tokens from ${LEAST_HELD} on, ` +
      "such as near:384, or infinigen with a share of the keys, such as infinigen:0.2",
  );
}
