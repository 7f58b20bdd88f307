/** How long an answer may become. Clients often name no limit, or one that means "as much as there is". */
import { numberSetting } from "../../core/model/number-setting.ts";
import type { Env } from "../env.ts";

/** Where the operator sets none. */
const MAX_TOKENS = 4096;

/**
 * Tokens of an answer at most: what the client asks for, within the deployment's cap and the key's.
 * Throws `bad_setting` for a cap that is no number of tokens.
 * @param asked null: the client names no limit
 * @param ofKey null: the key has no cap of its own
 */
export function maxTokens(asked: number | null, ofKey: number | null, env: Pick<Env, "MAX_TOKENS">): number {
  const isCount = (tokens: number) => Number.isSafeInteger(tokens) && tokens >= 1;
  const rule = "it is a number of tokens, such as 4096";
  const cap = numberSetting("MAX_TOKENS", env.MAX_TOKENS, MAX_TOKENS, isCount, rule);
  return Math.min(asked ?? cap, cap, ofKey ?? cap);
}
