/**
 * The timeline of a Session in SQLite, one row: int32 ids of all tokens when the last turn ended. With it the origin
 * need not be sent what it still holds.
 */
import { blob, ids } from "./ids.ts";

export class TimelineStore {
  readonly #storage: DurableObjectStorage;

  constructor(storage: DurableObjectStorage) {
    this.#storage = storage;
  }

  /** The timeline when the last turn ended; empty for a new Session. */
  read(): number[] {
    const [row] = this.#sql.exec<{ tokens: ArrayBuffer }>("SELECT tokens FROM timeline").toArray();
    return row ? ids(row.tokens) : [];
  }

  save(timeline: readonly number[]): void {
    this.#sql.exec("INSERT OR REPLACE INTO timeline (id, tokens) VALUES (0, ?)", blob(timeline));
  }

  get #sql(): SqlStorage {
    const { sql } = this.#storage;
    sql.exec("CREATE TABLE IF NOT EXISTS timeline (id INTEGER PRIMARY KEY CHECK (id = 0), tokens BLOB NOT NULL)");
    return sql;
  }
}
