/**
 * A key's limits around one answer: asked for by the Worker before it, settled by the Session after it. Where a meter
 * cannot store, the answers of its key go on, and so do its limits: this isolate counts on from what the meter said
 * last. What is used meanwhile is not written down.
 */
import { OutriderError } from "../../core/model/errors.ts";
import type { KeyLimits, KeyRecord } from "../../core/platform/keys.ts";
import { RateLimited } from "../api/rate-limited.ts";
import { type Admission, admit as admitHere, type Buckets, EMPTY_BUCKETS, settle } from "../bill/allowance.ts";
import type { Env } from "../env.ts";
import type { Generation } from "../prompt/generation.ts";
import { isStorageFailure, tellStorageFailure } from "../store/storage-failure.ts";

/** What `AnswerMeter` needs to settle an answer. Plain data: it crosses from the Worker to the Session. */
export interface Reservation {
  readonly name: string;
  readonly limits: KeyLimits;
  readonly ticket: string;
  /** Tokens that were taken for it. */
  readonly tokens: number;
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
const known = new Map<string, Buckets>();

/** Throws what is no failure of the storage. */
function unmetered(error: unknown): void {
  if (!isStorageFailure(error)) throw error;
  tellStorageFailure("the limits of keys hold from memory, and usage is not written down", error);
}

/** An answer of a key that has a meter; its Session or, where no Session is reached, the Worker ends it. */
export class AnswerMeter {
  readonly reservation: Reservation;
  readonly #env: Pick<Env, "METER">;
  #settled = false;

  constructor(reservation: Reservation, env: Pick<Env, "METER">) {
    this.reservation = reservation;
    this.#env = env;
  }

  /** It was read, and no target has computed anything for it. Counts once. */
  wasRead(): Promise<void> {
    return this.settle(this.reservation.read);
  }

  /** It has cost so many tokens, prompt and answer together. Counts once. */
  async settle(tokens: number): Promise<void> {
    if (this.#settled) return;
    this.#settled = true;
    const { name, limits, ticket } = this.reservation;
    const taken = known.get(name);
    if (taken) known.set(name, settle(taken, limits, { ticket, tokens, time: Date.now() }));
    await this.#env.METER?.getByName(name).settle(limits, ticket, tokens).catch(unmetered);
  }
}

interface MeterAdmission {
  readonly meter: AnswerMeter;
  readonly headers: Readonly<Record<string, string>>;
}

/**
 * Asks the key's meter for an answer. Throws `rate_limit_exceeded` (429) with the limit's headers, and `bad_setting`
 * where limits are set and the binding METER is missing.
 * @param most tokens of the answer at most
 */
export async function admit(
  record: KeyRecord,
  generation: Generation,
  most: number,
  env: Pick<Env, "METER">,
): Promise<MeterAdmission> {
  const { length } = JSON.stringify(generation.input);
  const answer = generation.maxTokens === null ? Math.min(most, ANSWER_TOKENS) : most;
  return admitTokens(record, Math.ceil(length / TOKEN_CHARACTERS) + answer, env, readCost(length));
}

/**
 * As `admit`, for a request that takes so many tokens.
 * @param read as `Reservation.read`
 */
export async function admitTokens(
  { name, limits }: Pick<KeyRecord, "name" | "limits">,
  tokens: number,
  env: Pick<Env, "METER">,
  read = tokens,
): Promise<MeterAdmission> {
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
    return admitHere(known.get(name) ?? EMPTY_BUCKETS, limits, { ticket, tokens, time: Date.now() });
  });
  known.set(name, taken);
  if (!refusal) return { meter: new AnswerMeter({ name, limits, ticket, tokens, read }, env), headers };
  throw new RateLimited(`the key "${name}" has reached its limit of ${refusal.limit}`, refusal.retryMs, headers);
}

/** Takes as much once more, for the next choice of a request. Throws as `admit`. */
export async function admitAgain(
  { name, limits, tokens, read }: Reservation,
  env: Pick<Env, "METER">,
): Promise<Reservation> {
  const { meter } = await admitTokens({ name, limits }, tokens, env, read);
  return meter.reservation;
}
