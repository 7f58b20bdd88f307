/**
 * A program: says on stdout which SQLite files below a folder are damaged, as JSON. One that could only not be read or
 * written just now, on a full disk for example, is not. A program and not a function, because the Node of this process
 * may have no SQLite, or warn of it (node.ts).
 */
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";

/** SQLITE_ERROR, of a format or a schema that SQLite does not know, SQLITE_CORRUPT and SQLITE_NOTADB. */
const DAMAGED = [1, 11, 26];

function isDamaged(file: string): boolean {
  try {
    const database = new DatabaseSync(file);
    try {
      return database.prepare("PRAGMA quick_check(1)").get()?.quick_check !== "ok";
    } finally {
      database.close();
    }
  } catch (error) {
    const { errcode = 0 } = error as { errcode?: number };
    // The upper bits say more of what happened.
    return DAMAGED.includes(errcode & 0xff);
  }
}

const [folder = "."] = process.argv.slice(2);
const files = readdirSync(folder, { recursive: true, encoding: "utf8" }).filter((file) => file.endsWith(".sqlite"));
console.log(JSON.stringify(files.filter((file) => isDamaged(join(folder, file)))));
