/**
 * What one key has used: a Durable Object for each key with a name, since isolates all over the world serve a key, and
 * a limit is one number. The Worker asks before an answer, the Session reports at its end. Two rows are written for an
 * answer, none for a refusal.
 */
import { DurableObject } from "cloudflare:workers";
import type { KeyLimits } from "../../core/platform/keys.ts";
import {
  type Admission,
  admit,
  type Buckets,
  DAY_MS,
  dayOf,
  EMPTY_BUCKETS,
  settle,
  type Usage,
} from "../bill/allowance.ts";
import { Table } from "../store/table.ts";

/** How long a day's usage can be read. */
const DAYS_KEPT = 92;

const COLUMNS = `(day TEXT PRIMARY KEY, requests INTEGER NOT NULL, tokens INTEGER NOT NULL, taken TEXT NOT NULL)
  WITHOUT ROWID`;

export class Meter extends DurableObject<unknown> {
  readonly #table: Table;
  #taken: Buckets | null = null;

  constructor(ctx: DurableObjectState, env: unknown) {
    super(ctx, env);
    this.#table = new Table(ctx.storage, "usage", COLUMNS);
  }

  /** Takes a request and the tokens that it may cost, or refuses it. */
  async admit(limits: KeyLimits, ticket: string, tokens: number): Promise<Admission> {
    const admission = admit(this.#read(), limits, { ticket, tokens, time: Date.now() });
    if (!admission.refusal) await this.#write(admission.taken);
    return admission;
  }

  /** An answer that was admit has ended, at the cost of so many tokens. */
  async settle(limits: KeyLimits, ticket: string, tokens: number): Promise<void> {
    await this.#write(settle(this.#read(), limits, { ticket, tokens, time: Date.now() }));
  }

  /** The latest days first. */
  usage(): Usage[] {
    const days = "SELECT day, requests, tokens FROM usage ORDER BY day DESC";
    return this.#table.read((sql) => sql.exec<Usage>(days).toArray()) ?? [];
  }

  /** Nobody has used the key for so long that all its days are over. */
  override async alarm(): Promise<void> {
    await this.ctx.storage.deleteAll();
    this.#taken = null;
  }

  #read(): Buckets {
    const newest = "SELECT taken FROM usage ORDER BY day DESC LIMIT 1";
    this.#taken ??=
      this.#table.read((sql) => {
        const [row] = sql.exec<{ taken: string }>(newest).toArray();
        return row && (JSON.parse(row.taken) as Buckets);
      }) ?? EMPTY_BUCKETS;
    return this.#taken;
  }

  async #write(taken: Buckets): Promise<void> {
    const isNewDay = this.#taken?.day !== taken.day;
    this.#taken = taken;
    const { day, dayRequests, dayTokens } = taken;
    const text = JSON.stringify(taken);
    this.#table.write((sql) => {
      sql.exec("INSERT OR REPLACE INTO usage VALUES (?, ?, ?, ?)", day, dayRequests, dayTokens, text);
      if (isNewDay) sql.exec("DELETE FROM usage WHERE day < ?", dayOf(taken.at - DAYS_KEPT * DAY_MS));
    });
    if (isNewDay) await this.ctx.storage.setAlarm(taken.at + DAYS_KEPT * DAY_MS);
  }
}
