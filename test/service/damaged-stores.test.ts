/** Damaged SQLite files of a service, among whole ones. */
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterAll, beforeEach, expect, test } from "vitest";
import { putAsideDamaged } from "../../src/tools/service/damaged-stores.ts";
import { stateFolder } from "../../src/tools/service/work-folder.ts";

const folder = mkdtempSync(join(tmpdir(), "outrider-damaged-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
beforeEach(() => rmSync(folder, { recursive: true, force: true }));
const stored = (name: string) => join(stateFolder(folder), "do", name);

/** A store as workerd leaves it, of some pages. */
function write(name: string): string {
  const file = stored(name);
  mkdirSync(dirname(file), { recursive: true });
  const database = new DatabaseSync(file);
  database.exec("PRAGMA journal_mode = WAL; CREATE TABLE pages (bytes BLOB)");
  const insert = database.prepare("INSERT INTO pages VALUES (?)");
  for (let n = 0; n < 8; n++) insert.run(new Uint8Array(3000).fill(n));
  database.close();
  return file;
}

const overwrite = (file: string, at: number, bytes: Uint8Array) => {
  const whole = readFileSync(file);
  whole.set(bytes, at);
  writeFileSync(file, whole);
};

test("a service that never ran has none", async () => {
  expect(await putAsideDamaged(folder)).toEqual([]);
});

test("what is whole stays, an empty file and one with a journal too", async () => {
  const files = ["outrider-Session/a.sqlite", "outrider-Session/b.sqlite", "outrider-Meter/c.sqlite"].map(write);
  writeFileSync(files[1]!, "");
  writeFileSync(`${files[2]}-wal`, "");
  expect(await putAsideDamaged(folder)).toEqual([]);
  expect(files.every((file) => existsSync(file))).toBe(true);
  expect(existsSync(join(folder, "damaged"))).toBe(false);
});

test("what is damaged lies aside with all its parts, and one line counts and names it", async () => {
  const whole = write("outrider-Session/whole.sqlite");
  const [magic, half, page, format, meter, alarms] = [
    "outrider-Session/magic.sqlite",
    "outrider-Session/half.sqlite",
    "outrider-Session/page.sqlite",
    "outrider-Session/format.sqlite",
    "outrider-Meter/one.sqlite",
    "outrider-Session/metadata.sqlite",
  ].map(write) as [string, string, string, string, string, string];
  for (const file of [magic, meter, alarms]) overwrite(file, 0, new TextEncoder().encode("not a database!!"));
  truncateSync(half, readFileSync(half).length / 2);
  // The header of a page of the tree.
  overwrite(page, 4096, new Uint8Array(64).fill(255));
  // The number of the schema's format.
  overwrite(format, 44, new Uint8Array(4).fill(99));
  writeFileSync(`${magic}-shm`, "");
  const bytes = readFileSync(magic);

  const [line, ...more] = await putAsideDamaged(folder, new Date("2026-12-03T10:00:00Z"));
  expect(more).toEqual([]);
  expect(line).toContain("4 conversations, the counts of a key, a file of the runtime's own");
  expect(line).toContain("damaged/2026-12-03T10-00-00.000Z");
  const aside = join(folder, "damaged/2026-12-03T10-00-00.000Z/do");
  expect(readFileSync(join(aside, "outrider-Session/magic.sqlite"))).toEqual(bytes);
  expect(readdirSync(aside, { recursive: true }).sort()).toEqual([
    "outrider-Meter",
    "outrider-Meter/one.sqlite",
    "outrider-Session",
    "outrider-Session/format.sqlite",
    "outrider-Session/half.sqlite",
    "outrider-Session/magic.sqlite",
    "outrider-Session/magic.sqlite-shm",
    "outrider-Session/metadata.sqlite",
    "outrider-Session/page.sqlite",
  ]);
  expect(existsSync(whole)).toBe(true);
  expect(await putAsideDamaged(folder)).toEqual([]);
});
