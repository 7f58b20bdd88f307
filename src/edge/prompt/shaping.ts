/** A request's biases, penalties and bounds as the data that shapes the target's logits. */
import { OutriderError } from "../../core/model/errors.ts";
import type { Shaping } from "../../core/speculate/shaping.ts";

type Given<T> = T | null | undefined;

/** The fields of a request that it reads. */
interface Asked {
  readonly presence_penalty?: Given<number>;
  readonly frequency_penalty?: Given<number>;
  readonly repetition_penalty?: Given<number>;
  readonly repeat_penalty?: Given<number>;
  readonly repeat_last_n?: Given<number>;
  readonly logit_bias?: Given<Readonly<Record<string, number>> | readonly (readonly [number, number | false])[]>;
  readonly allowed_token_ids?: Given<readonly number[]>;
  readonly min_tokens?: Given<number>;
}

/** llama.cpp's own. */
const REPEAT_LAST_N = 64;

/** Null where nothing is asked for. Throws `invalid_request` where two names of one thing say different things. */
export function shapingOf(asked: Asked): Omit<Shaping, "from"> | null {
  const { presence_penalty: presence, frequency_penalty: frequency, allowed_token_ids: allowed } = asked;
  const bias = biasOf(asked.logit_bias ?? {});
  const repetition = repetitionOf(asked);
  const shaping = {
    ...(bias.length > 0 && { bias }),
    ...(repetition && { repetition }),
    ...((presence || frequency) && { penalties: { presence: presence ?? 0, frequency: frequency ?? 0 } }),
    ...(asked.min_tokens && { minTokens: asked.min_tokens }),
    ...(allowed && { allowed }),
  };
  return Object.keys(shaping).length > 0 ? shaping : null;
}

/** A bias of zero is none. */
function biasOf(given: NonNullable<Asked["logit_bias"]>): NonNullable<Shaping["bias"]> {
  const pairs = Array.isArray(given) ? given : Object.entries(given).map(([id, add]) => [Number(id), add] as const);
  return pairs.filter(([, add]) => add !== 0).map(([id, add]) => [id, add === false ? null : add]);
}

function repetitionOf(asked: Asked): Shaping["repetition"] {
  const whole = asked.repetition_penalty ?? 1;
  const recent = asked.repeat_penalty ?? 1;
  const last = asked.repeat_last_n ?? REPEAT_LAST_N;
  if (whole !== 1 && recent !== 1) {
    throw new OutriderError("invalid_request", "repeat_penalty: repetition_penalty is set, too; send one of them", {
      param: "repeat_penalty",
    });
  }
  if (whole !== 1) return { by: whole, last: 0 };
  return recent === 1 || last === 0 ? undefined : { by: recent, last: Math.max(0, last) };
}
