/** A table of a Session, against Node's SQLite. */
import type { DatabaseSync } from "node:sqlite";
import { beforeEach, describe, expect, test } from "vitest";
import { OutriderError } from "../../src/core/model/errors.ts";
import { Table } from "../../src/edge/store/table.ts";
import { memoryStorage } from "../support/memory-storage.ts";

let database: DatabaseSync;
let table: Table;

const names = () =>
  database
    .prepare("SELECT name FROM sqlite_master")
    .all()
    .map(({ name }) => name);
const numbers = (sql: SqlStorage) => sql.exec<{ n: number }>("SELECT n FROM numbers").toArray();
const insert = (sql: SqlStorage) => sql.exec("INSERT INTO numbers VALUES (1)");

beforeEach(() => {
  const memory = memoryStorage();
  database = memory.database();
  table = new Table(memory.storage, "numbers", "(n INTEGER)");
});

describe("a table", () => {
  test("is not there before something is written", () => {
    expect(table.read(numbers)).toBeUndefined();
    expect(names()).toEqual([]);
    table.write(insert);
    expect(table.read(numbers)).toEqual([{ n: 1 }]);
  });

  test("of another shape is dropped by who reads, and made anew by who writes", () => {
    database.exec("CREATE TABLE numbers (word TEXT)");
    expect(table.read(numbers)).toBeUndefined();
    expect(names()).toEqual([]);
    database.exec("CREATE TABLE numbers (word TEXT, other TEXT)");
    table.write(insert);
    expect(table.read(numbers)).toEqual([{ n: 1 }]);
  });

  test("keeps what it has where a write fails twice", () => {
    table.write(insert);
    const failing = (sql: SqlStorage) => {
      insert(sql);
      throw new Error("no memory");
    };
    expect(() => table.write(failing)).toThrow("no memory");
    expect(table.read(numbers)).toEqual([{ n: 1 }]);
  });

  test("passes on what its reader refuses, and stays", () => {
    table.write(insert);
    const full = () => {
      throw new OutriderError("kv_full", "no room");
    };
    expect(() => table.read(full)).toThrow("no room");
    expect(table.read(numbers)).toEqual([{ n: 1 }]);
  });

  test("of a file that SQLite cannot open reads as nothing", () => {
    database.close();
    expect(table.read(numbers)).toBeUndefined();
    expect(() => table.write(insert)).toThrow();
  });
});
