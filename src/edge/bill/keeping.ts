/**
 * What a turn leaves in storage, and for how long. Cloudflare bills rows written, rows deleted and bytes by the hour.
 * Storing and deleting a KV page of 32 tokens are two rows, $2.00 a million pages. Computing such a page again takes
 * about 60 ms of CPU, $1.20 a million if an object's CPU is billed at all (prices.ts).
 * So a page pays only where it is likely to be read, or where nobody wants to wait for its computation:
 *
 *   one turn                  the timeline alone, for hours: most conversations end here
 *   the second turn and on    whole pages too, each written once, for a day
 *   LONG_TOKENS and more      pages from the first turn on, since computing them takes seconds
 */
import { PAGE_TOKENS } from "../../core/kernels/abi.ts";
import { numberSetting } from "../../core/model/number-setting.ts";

export const HOUR_MS = 3600 * 1000;
/** How long a conversation is kept after its last turn, unless KEEP_HOURS says otherwise. */
export const KEEP_HOURS = 24;
/** And one that had a single turn, at most. */
export const ONE_TURN_HOURS = 2;
/** From here on a prefill takes more than 4 s of the 30 s of CPU that a request has, at 2 ms a token. */
export const LONG_TOKENS = 2048;

export interface Keep {
  /** Whether the draft's KV pages are stored. */
  readonly pages: boolean;
  /** From now until everything is deleted. */
  readonly ms: number;
}

export const NOTHING: Keep = { pages: false, ms: 0 };

/**
 * @param common leading tokens that the timeline shares with the one of the turn before
 * @param tokens length of the timeline
 * @param hours how long a conversation is kept that goes on
 */
export function keepOf(common: number, tokens: number, hours: number): Keep {
  const goesOn = common >= PAGE_TOKENS;
  const kept = goesOn ? hours : Math.min(hours, ONE_TURN_HOURS);
  return { pages: goesOn || tokens >= LONG_TOKENS, ms: kept * HOUR_MS };
}

/** The setting KEEP_HOURS. Throws `bad_setting` (500). */
export const keepHours = (setting: number | string | undefined): number =>
  numberSetting(
    "KEEP_HOURS",
    setting,
    KEEP_HOURS,
    (hours) => hours > 0 && hours <= 24 * 365,
    "it is a number of hours above 0, at most a year",
  );
