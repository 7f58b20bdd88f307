/** What a new pack may take the place of. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, expect, test } from "vitest";
import { importFile } from "../../src/tools/compress/import-file.ts";

const GGUF = path.resolve(import.meta.dirname, "../../models/tiny/tiny.gguf");
const home = mkdtempSync(path.join(tmpdir(), "outrider-replace-"));
afterEach(() => rmSync(home, { recursive: true, force: true }));

test("a pack replaces a pack, and neither a file nor a folder with anything else", async () => {
  const pack = path.join(home, "pack");
  await importFile(GGUF, "first", pack);
  expect((await importFile(GGUF, "second", pack)).model).toBe("second");

  const mine = path.join(home, "mine.gguf");
  writeFileSync(mine, "mine");
  await expect(importFile(GGUF, "tiny", mine)).rejects.toThrow("mine.gguf is a file, or lies in one");
  await expect(importFile(GGUF, "tiny", home)).rejects.toThrow("holds files that are no pack, and would be emptied");
  expect(readFileSync(mine, "utf8")).toBe("mine");
});
