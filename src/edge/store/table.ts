/**
 * A table of a Session's SQLite. The first write makes it, so a Session that keeps nothing stores nothing. Whatever
 * stands in it can be computed again: a table that SQLite cannot read, or that an earlier version made with other
 * columns, is dropped.
 */
import { OutriderError } from "../../core/model/errors.ts";
import { storageFailed } from "./storage-failure.ts";

export class Table {
  readonly #storage: DurableObjectStorage | null;
  readonly #name: string;
  readonly #definition: string;

  /**
   * @param storage null: nothing is ever in it
   * @param definition columns and options, as CREATE TABLE takes them after the name
   */
  constructor(storage: DurableObjectStorage | null, name: string, definition: string) {
    this.#storage = storage;
    this.#name = name;
    this.#definition = definition;
  }

  /** What `work` reads; undefined where the table is not there or cannot be read. Throws `work`'s OutriderErrors. */
  read<T>(work: (sql: SqlStorage) => T): T | undefined {
    if (!this.#storage) return undefined;
    try {
      const { sql } = this.#storage;
      const [found] = sql.exec("SELECT 1 FROM sqlite_master WHERE name = ?", this.#name).toArray();
      return found && work(sql);
    } catch (error) {
      if (error instanceof OutriderError) throw error;
      console.warn(`the table ${this.#name} cannot be read and is dropped:`, error);
      this.#drop();
      return undefined;
    }
  }

  /** Runs `work` in one transaction, a second time on a new table if the first fails. Throws what the first threw. */
  write<T>(work: (sql: SqlStorage) => T): T {
    const storage = this.#storage;
    if (!storage) throw storageFailed("nothing can be stored; try again later");
    const { sql } = storage;
    const made = () => {
      sql.exec(`CREATE TABLE IF NOT EXISTS ${this.#name} ${this.#definition}`);
      return work(sql);
    };
    try {
      return storage.transactionSync(made);
    } catch (error) {
      try {
        return storage.transactionSync(() => {
          sql.exec(`DROP TABLE IF EXISTS ${this.#name}`);
          return made();
        });
      } catch {
        // What was there is there still.
        throw error;
      }
    }
  }

  #drop(): void {
    try {
      this.#storage?.sql.exec(`DROP TABLE IF EXISTS ${this.#name}`);
    } catch {
      // A file that SQLite cannot open at all. The Session does without its storage.
    }
  }
}

/** Token ids as SQLite keeps them: a blob of int32. */
export const blob = (tokens: readonly number[]): Uint8Array<ArrayBuffer> =>
  new Uint8Array(Uint32Array.from(tokens).buffer);

/** Whole ids only: a blob that was cut short must not keep a Session from starting. */
export const ids = (tokens: ArrayBuffer): number[] => Array.from(new Uint32Array(tokens, 0, tokens.byteLength >> 2));
