/** How long an answer may become. Clients often name no limit, or one that means "as much as there is". */
import { OutriderError } from "../model/errors.ts";
import type { Env } from "./env.ts";

/** Where the operator sets none. */
const MAX_TOKENS = 4096;

/**
 * Tokens of an answer at most: what the client asks for, within the deployment's cap and the key's.
 * Throws `bad_setting` for a cap that is no number of tokens.
 * @param asked null: the client names no limit
 * @param ofKey null: the key has no cap of its own
 */
export function maxTokens(asked: number | null, ofKey: number | null, env: Pick<Env, "MAX_TOKENS">): number {
  const { MAX_TOKENS: set } = env;
  const cap = set === undefined || set === "" ? MAX_TOKENS : Number(set);
  if (!Number.isSafeInteger(cap) || cap < 1) {
    throw new OutriderError("bad_setting", `MAX_TOKENS is "${set}"; it is a number of tokens, such as 4096`, {
      status: 500,
    });
  }
  return Math.min(asked ?? cap, cap, ofKey ?? cap);
}
