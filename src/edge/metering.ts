/** A key's limits around one answer: asked for by the Worker before it, settled by the Session after it. */
import { OutriderError } from "../model/errors.ts";
import type { KeyLimits, KeyRecord } from "../platform/keys.ts";
import type { Env } from "./env.ts";
import type { Generation } from "./generation.ts";
import { RateLimited } from "./rate-limited.ts";

/** A header of a turn: what `Metered` needs to settle it. */
export const METERED = "x-metered";

interface Admitted {
  readonly name: string;
  readonly limits: KeyLimits;
  readonly ticket: string;
}

/** Characters of a token, for a Worker that has no tokenizer. */
const TOKEN_CHARACTERS = 4;
/** What an answer takes beforehand where its client names no limit: most end within that. */
const ANSWER_TOKENS = 256;

/** An answer of a key that has a meter; its Session or, where no Session is reached, the Worker ends it. */
export class Metered {
  readonly #admitted: Admitted;
  readonly #env: Pick<Env, "METER">;
  #settled = false;

  constructor(admitted: Admitted, env: Pick<Env, "METER">) {
    this.#admitted = admitted;
    this.#env = env;
  }

  /** Of a turn, as the Worker hands it to a Session. */
  static of({ headers }: Request, env: Pick<Env, "METER">): Metered | null {
    const admitted = headers.get(METERED);
    return admitted === null ? null : new Metered(JSON.parse(admitted) as Admitted, env);
  }

  get header(): string {
    return JSON.stringify(this.#admitted);
  }

  /** It has cost so many tokens, prompt and answer together. Counts once. */
  async settle(tokens: number): Promise<void> {
    if (this.#settled) return;
    this.#settled = true;
    const { name, limits, ticket } = this.#admitted;
    await this.#env.METER?.getByName(name).settle(limits, ticket, tokens);
  }
}

interface MeteredAnswer {
  readonly metered: Metered;
  readonly headers: Readonly<Record<string, string>>;
}

/**
 * Asks the key's meter for an answer. Throws `rate_limit_exceeded` (429) with the limit's headers, and `bad_setting`
 * where limits are set and the binding METER is missing.
 * @param most tokens of the answer at most
 */
export async function admitted(
  record: KeyRecord,
  generation: Generation,
  most: number,
  env: Pick<Env, "METER">,
): Promise<MeteredAnswer> {
  const prompt = Math.ceil(JSON.stringify(generation.input).length / TOKEN_CHARACTERS);
  const answer = generation.maxTokens === null ? Math.min(most, ANSWER_TOKENS) : most;
  return admittedTokens(record, prompt + answer, env);
}

/** As `admitted`, for a request that takes so many tokens: none where the target computes nothing. */
export async function admittedTokens(
  { name, limits }: KeyRecord,
  tokens: number,
  env: Pick<Env, "METER">,
): Promise<MeteredAnswer> {
  if (!env.METER) {
    throw new OutriderError("bad_setting", "KEYS needs the Durable Object binding METER; the wrangler file lacks it", {
      status: 500,
    });
  }
  const ticket = crypto.randomUUID();
  const { refusal, headers } = await env.METER.getByName(name).admit(limits, ticket, tokens);
  if (!refusal) return { metered: new Metered({ name, limits, ticket }, env), headers };
  throw new RateLimited(`the key "${name}" has reached its limit of ${refusal.limit}`, refusal.retryMs, headers);
}
