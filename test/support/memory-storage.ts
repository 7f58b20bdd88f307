/** Node's own SQLite in memory, behind the shape of a Durable Object's storage. */
import { DatabaseSync } from "node:sqlite";

export interface MemoryStorage {
  readonly storage: DurableObjectStorage;
  /** The database that is open: `deleteAll` opens another. */
  readonly database: () => DatabaseSync;
}

export function memoryStorage(): MemoryStorage {
  let database = new DatabaseSync(":memory:");
  const storage = {
    sql: {
      exec: (query: string, ...bindings: (string | number | null | Uint8Array)[]) => {
        const bound = bindings.map((value) => (value instanceof ArrayBuffer ? new Uint8Array(value) : value));
        const rows = database.prepare(query).all(...bound) as Record<string, unknown>[];
        for (const row of rows) {
          for (const [name, value] of Object.entries(row)) {
            if (value instanceof Uint8Array) row[name] = value.slice().buffer;
          }
        }
        return Object.assign(rows.values(), { toArray: () => rows });
      },
    },
    transactionSync: (work: () => unknown) => {
      database.exec("BEGIN");
      try {
        const result = work();
        database.exec("COMMIT");
        return result;
      } catch (error) {
        database.exec("ROLLBACK");
        throw error;
      }
    },
    deleteAll: async () => {
      database = new DatabaseSync(":memory:");
    },
  } as unknown as DurableObjectStorage;
  return { storage, database: () => database };
}
