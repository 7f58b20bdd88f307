/** Files of text that a user names: each refusal is one sentence. */
import { mkdtempSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { gzipSync } from "node:zlib";
import { afterAll, expect, test } from "vitest";
import { readText, readTextFile } from "../../src/tools/text/text-file.ts";

const directory = mkdtempSync(path.join(tmpdir(), "text-"));
afterAll(() => rmSync(directory, { recursive: true }));

function file(name: string, bytes: Uint8Array | string): string {
  const at = path.join(directory, name);
  writeFileSync(at, bytes);
  return at;
}

test("text is read as it is, and unzipped by its name", async () => {
  expect(await readTextFile(file("a.txt", "the road"))).toBe("the road");
  expect(await readTextFile(file("a.txt.gz", gzipSync("the road")))).toBe("the road");
  expect(await readText(file("a.jsonl", '{"text": "a"}\n'))).toMatchObject({ lines: [{ text: "a" }] });
});

test("a small file that unpacks to more than the limit is refused before it is unpacked", async () => {
  // A gzip file may have several members.
  const member = gzipSync(Buffer.alloc(8 * 1024 * 1024), { level: 1 });
  await expect(readTextFile(file("bomb.gz", Buffer.concat(Array(40).fill(member))))).rejects.toMatchObject({
    code: "too_large",
  });
});

test("a file over the limit is refused before it is read", async () => {
  const large = file("large.txt", "");
  truncateSync(large, 300 * 1024 * 1024);
  await expect(readTextFile(large)).rejects.toMatchObject({ code: "too_large" });
});

test("what is not there, is no gzip, or is cut off", async () => {
  await expect(readTextFile(path.join(directory, "none"))).rejects.toMatchObject({ code: "not_found" });
  await expect(readTextFile(file("no.gz", "plain"))).rejects.toMatchObject({ code: "not_gzip" });
  await expect(readTextFile(file("cut.gz", gzipSync("the road").subarray(0, 12)))).rejects.toMatchObject({
    code: "not_gzip",
  });
});
