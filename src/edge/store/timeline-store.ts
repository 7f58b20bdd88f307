/**
 * The timeline of a Session in SQLite, one row: int32 ids of all tokens when the last turn ended. With it the origin
 * need not be sent what it still holds.
 */
import { blob, ids, Table } from "./table.ts";

export class TimelineStore {
  readonly #table: Table;

  constructor(storage: DurableObjectStorage | null) {
    this.#table = new Table(storage, "timeline", "(id INTEGER PRIMARY KEY CHECK (id = 0), tokens BLOB NOT NULL)");
  }

  /** The timeline when the last turn ended; empty for a new Session. */
  read(): number[] {
    const read = (sql: SqlStorage) => sql.exec<{ tokens: ArrayBuffer }>("SELECT tokens FROM timeline").toArray()[0];
    const row = this.#table.read(read);
    return row ? ids(row.tokens) : [];
  }

  save(timeline: readonly number[]): void {
    const tokens = blob(timeline);
    this.#table.write((sql) => sql.exec("INSERT OR REPLACE INTO timeline (id, tokens) VALUES (0, ?)", tokens));
  }
}
