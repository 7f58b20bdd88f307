/** Stored and deflated files in zip archives, and archives that went bad. */
import { deflateRawSync } from "node:zlib";
import { describe, expect, test } from "vitest";
import { bytesSource } from "../../src/core/format/source.ts";
import { findZipEntry } from "../../src/tools/obtain/zip.ts";
import { damaged, outcome } from "../support/golden.ts";
import { zip } from "../support/zip.ts";

const data = Uint8Array.from({ length: 1000 }, (_, n) => n % 11);
const archive = zip([
  { name: "a/one.txt", data: Uint8Array.of(1, 2, 3), deflate: false },
  { name: "a/two.gguf", data, deflate: true },
  { name: "b/three.gguf", data, deflate: false },
]);
const find = (bytes: Uint8Array, name: string) => findZipEntry(bytesSource("x.whl", bytes), (own) => own === name);

describe("finds", () => {
  test("a stored file", async () => {
    const { offset, bytes, compressedBytes, method } = await find(archive, "b/three.gguf");
    expect([method, bytes, compressedBytes]).toEqual(["stored", 1000, 1000]);
    expect(archive.subarray(offset, offset + 1000)).toEqual(data);
  });

  test("a deflated file", async () => {
    const { offset, bytes, compressedBytes, method } = await find(archive, "a/two.gguf");
    const packed = deflateRawSync(data);
    expect([method, bytes, compressedBytes]).toEqual(["deflated", 1000, packed.length]);
    expect(archive.subarray(offset, offset + compressedBytes)).toEqual(new Uint8Array(packed));
  });

  test("a file before an archive comment", async () => {
    const commented = zip([{ name: "x", data, deflate: false }], "PK, said the archive, ".repeat(100));
    expect((await find(commented, "x")).bytes).toBe(1000);
  });
});

test.each([
  ["no archive", new Uint8Array(500), "it has no end record"],
  ["too few bytes", new Uint8Array(5), "it has no end record"],
  ["a cut archive", archive.subarray(0, archive.length - 30), "it has no end record"],
  ["an archive without the file", zip([]), "it does not hold the file"],
])("%s is refused", async (_, bytes, message) => {
  await expect(find(bytes, "a/two.gguf")).rejects.toMatchObject({
    code: "bad_zip",
    message: expect.stringContaining(message),
  });
});

test("1,000 damaged archives are searched or refused", async () => {
  const results = new Set<string>();
  for (const bytes of damaged(archive, 1000, archive.length, 6)) {
    results.add(await outcome(() => find(bytes, "b/three.gguf")));
  }
  expect([...results].sort()).toEqual(["bad_zip", "read", "truncated"]);
});
