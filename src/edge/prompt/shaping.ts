/** A request's biases, penalties and bounds as the data that shapes the target's logits. */
import { OutriderError } from "../../core/model/errors.ts";
import type { Shaping } from "../../core/speculate/shaping.ts";

type Nullish<T> = T | null | undefined;

/** The fields of a request that it reads. */
interface ShapingFields {
  readonly presence_penalty?: Nullish<number>;
  readonly frequency_penalty?: Nullish<number>;
  readonly repetition_penalty?: Nullish<number>;
  readonly repeat_penalty?: Nullish<number>;
  readonly repeat_last_n?: Nullish<number>;
  readonly logit_bias?: Nullish<Readonly<Record<string, number>> | readonly (readonly [number, number | false])[]>;
  readonly allowed_token_ids?: Nullish<readonly number[]>;
  readonly min_tokens?: Nullish<number>;
}

/** llama.cpp's own. */
const REPEAT_LAST_N = 64;

/** Null where nothing is asked for. Throws `invalid_request` where two names of one thing say different things. */
export function shapingOf(fields: ShapingFields): Omit<Shaping, "from"> | null {
  const { presence_penalty: presence, frequency_penalty: frequency, allowed_token_ids: allowed } = fields;
  const bias = biasOf(fields.logit_bias ?? {});
  const repetition = repetitionOf(fields);
  const shaping = {
    ...(bias.length > 0 && { bias }),
    ...(repetition && { repetition }),
    ...((presence || frequency) && { penalties: { presence: presence ?? 0, frequency: frequency ?? 0 } }),
    ...(fields.min_tokens && { minTokens: fields.min_tokens }),
    ...(allowed && { allowed }),
  };
  return Object.keys(shaping).length > 0 ? shaping : null;
}

/** A bias of zero is none. */
function biasOf(given: NonNullable<ShapingFields["logit_bias"]>): NonNullable<Shaping["bias"]> {
  const pairs = Array.isArray(given) ? given : Object.entries(given).map(([id, add]) => [Number(id), add] as const);
  return pairs.filter(([, add]) => add !== 0).map(([id, add]) => [id, add === false ? null : add]);
}

function repetitionOf(fields: ShapingFields): Shaping["repetition"] {
  const whole = fields.repetition_penalty ?? 1;
  const recent = fields.repeat_penalty ?? 1;
  const last = fields.repeat_last_n ?? REPEAT_LAST_N;
  if (whole !== 1 && recent !== 1) {
    throw new OutriderError("invalid_request", "repeat_penalty: repetition_penalty is set, too; send one of them", {
      param: "repeat_penalty",
    });
  }
  if (whole !== 1) return { by: whole, last: 0 };
  return recent === 1 || last === 0 ? undefined : { by: recent, last: Math.max(0, last) };
}
