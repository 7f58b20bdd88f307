/**
 * A key's limits around one answer: asked for by the Worker before it, settled by the Session after it. Where a meter
 * cannot store, the answers of its key go on, and so do its limits: this isolate counts on from what the meter said
 * last. What is used meanwhile is not written down.
 */
import { OutriderError } from "../../core/model/errors.ts";
import type { KeyLimits, KeyRecord } from "../../core/platform/keys.ts";
import { RateLimited } from "../api/rate-limited.ts";
import { type Admission, admitted as admittedBy, NOTHING_TAKEN, settle, type Taken } from "../bill/allowance.ts";
import type { Env } from "../env.ts";
import type { Generation } from "../prompt/generation.ts";
import { isStorageFailure, tellStorageFailure } from "../store/storage-failure.ts";

/** What `Metered` needs to settle an answer. Plain data: it crosses from the Worker to the Session. */
export interface Admitted {
  readonly name: string;
  readonly limits: KeyLimits;
  readonly ticket: string;
  /** Tokens that it costs to read what was asked, where no answer comes of it. */
  readonly read: number;
}

/** Characters of a token, for a Worker that has no tokenizer. */
const TOKEN_CHARACTERS = 4;
/** What a token costs that is read at the edge and that no target computes. */
const READ_SHARE = 1 / 8;
/** What an answer takes beforehand where its client names no limit: most end within that. */
const ANSWER_TOKENS = 256;

/** The tokens that so many characters cost which are only read. */
export const readCost = (characters: number): number => Math.ceil((READ_SHARE * characters) / TOKEN_CHARACTERS);
/** What keys have taken, by name, as this isolate knows: as many as the deployment has. */
const known = new Map<string, Taken>();

/** Throws what is no failure of the storage. */
function unmetered(error: unknown): void {
  if (!isStorageFailure(error)) throw error;
  tellStorageFailure("the limits of keys hold from memory, and usage is not written down", error);
}

/** An answer of a key that has a meter; its Session or, where no Session is reached, the Worker ends it. */
export class Metered {
  readonly admitted: Admitted;
  readonly #env: Pick<Env, "METER">;
  #settled = false;

  constructor(admitted: Admitted, env: Pick<Env, "METER">) {
    this.admitted = admitted;
    this.#env = env;
  }

  /** It was read, and no target has computed anything for it. Counts once. */
  wasRead(): Promise<void> {
    return this.settle(this.admitted.read);
  }

  /** It has cost so many tokens, prompt and answer together. Counts once. */
  async settle(tokens: number): Promise<void> {
    if (this.#settled) return;
    this.#settled = true;
    const { name, limits, ticket } = this.admitted;
    const taken = known.get(name);
    if (taken) known.set(name, settle(taken, limits, { ticket, tokens, time: Date.now() }));
    await this.#env.METER?.getByName(name).settle(limits, ticket, tokens).catch(unmetered);
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
  const { length } = JSON.stringify(generation.input);
  const answer = generation.maxTokens === null ? Math.min(most, ANSWER_TOKENS) : most;
  return admittedTokens(record, Math.ceil(length / TOKEN_CHARACTERS) + answer, env, readCost(length));
}

/**
 * As `admitted`, for a request that takes so many tokens.
 * @param read as `Admitted.read`
 */
export async function admittedTokens(
  { name, limits }: KeyRecord,
  tokens: number,
  env: Pick<Env, "METER">,
  read = tokens,
): Promise<MeteredAnswer> {
  if (!env.METER) {
    throw new OutriderError(
      "bad_setting",
      "a key with a name needs the Durable Object binding METER; the wrangler file lacks it",
      {
        status: 500,
      },
    );
  }
  const ticket = crypto.randomUUID();
  const meter = env.METER.getByName(name);
  const { refusal, headers, taken } = await meter.admit(limits, ticket, tokens).catch((error): Admission => {
    unmetered(error);
    return admittedBy(known.get(name) ?? NOTHING_TAKEN, limits, { ticket, tokens, time: Date.now() });
  });
  known.set(name, taken);
  if (!refusal) return { metered: new Metered({ name, limits, ticket, read }, env), headers };
  throw new RateLimited(`the key "${name}" has reached its limit of ${refusal.limit}`, refusal.retryMs, headers);
}
