/**
 * What one key has used: a Durable Object for each key with a name, since isolates all over the world serve a key, and
 * a limit is one number. The Worker asks before an answer, the Session reports at its end. Two rows are written for an
 * answer, none for a refusal.
 */
import { DurableObject } from "cloudflare:workers";
import type { KeyLimits } from "../platform/keys.ts";
import {
  type Admission,
  DAY_MS,
  dayOf,
  NOTHING_TAKEN,
  rateHeaders,
  settle,
  type Taken,
  take,
  type Usage,
} from "./allowance.ts";

/** How long a day's usage can be read. */
const DAYS_KEPT = 92;

export class Meter extends DurableObject<unknown> {
  #taken: Taken | null = null;

  /** Takes a request and the tokens that it may cost, or refuses it. */
  async admit(limits: KeyLimits, ticket: string, tokens: number): Promise<Admission> {
    const time = Date.now();
    const { taken, refusal } = take(this.#read(), limits, { ticket, tokens, time });
    if (!refusal) await this.#write(taken);
    return { refusal, headers: rateHeaders(taken, limits, time) };
  }

  /** An answer that was admitted has ended, at the cost of so many tokens. */
  async settle(limits: KeyLimits, ticket: string, tokens: number): Promise<void> {
    await this.#write(settle(this.#read(), limits, { ticket, tokens, time: Date.now() }));
  }

  /** The latest days first. */
  usage(): Usage[] {
    return this.#sql.exec<Usage>("SELECT day, requests, tokens FROM usage ORDER BY day DESC").toArray();
  }

  /** Nobody has used the key for so long that all its days are over. */
  override async alarm(): Promise<void> {
    await this.ctx.storage.deleteAll();
    this.#taken = null;
  }

  #read(): Taken {
    if (this.#taken) return this.#taken;
    const [row] = this.#sql.exec<{ taken: string }>("SELECT taken FROM usage ORDER BY day DESC LIMIT 1").toArray();
    this.#taken = row ? (JSON.parse(row.taken) as Taken) : NOTHING_TAKEN;
    return this.#taken;
  }

  async #write(taken: Taken): Promise<void> {
    const isNewDay = this.#taken?.day !== taken.day;
    this.#taken = taken;
    const { day, dayRequests, dayTokens } = taken;
    const text = JSON.stringify(taken);
    this.#sql.exec("INSERT OR REPLACE INTO usage VALUES (?, ?, ?, ?)", day, dayRequests, dayTokens, text);
    if (!isNewDay) return;
    const oldest = dayOf(taken.at - DAYS_KEPT * DAY_MS);
    this.#sql.exec("DELETE FROM usage WHERE day < ?", oldest);
    await this.ctx.storage.setAlarm(taken.at + DAYS_KEPT * DAY_MS);
  }

  get #sql(): SqlStorage {
    const { sql } = this.ctx.storage;
    sql.exec(
      `CREATE TABLE IF NOT EXISTS usage (day TEXT PRIMARY KEY, requests INTEGER NOT NULL, tokens INTEGER NOT NULL,
       taken TEXT NOT NULL) WITHOUT ROWID`,
    );
    return sql;
  }
}
