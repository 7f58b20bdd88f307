/** Zip archives made here byte by byte: stored and deflated files, and archives that went bad. */
import { deflateRawSync } from "node:zlib";
import { describe, expect, test } from "vitest";
import { findZipEntry } from "../../src/compress/zip.ts";
import { bytesSource } from "../../src/format/source.ts";
import { damaged, outcome } from "../support/golden.ts";

interface Member {
  readonly name: string;
  readonly data: Uint8Array;
  readonly deflate: boolean;
}

/** An archive as Python's zipfile lays it out; local extra fields differ from the directory's, as they may. */
function zip(members: readonly Member[], comment = ""): Uint8Array {
  const parts: Uint8Array[] = [];
  const directory: Uint8Array[] = [];
  let at = 0;
  const put = (bytes: Uint8Array) => {
    parts.push(bytes);
    at += bytes.length;
  };
  for (const { name, data, deflate } of members) {
    const packed = deflate ? deflateRawSync(data) : data;
    const encoded = new TextEncoder().encode(name);
    const fields = Buffer.alloc(26);
    fields.writeUInt16LE(20, 0);
    fields.writeUInt16LE(deflate ? 8 : 0, 4);
    fields.writeUInt32LE(packed.length, 14);
    fields.writeUInt32LE(data.length, 18);
    fields.writeUInt16LE(encoded.length, 22);
    const entry = Buffer.concat([Buffer.from("PK\x01\x02\x14\0"), fields, Buffer.alloc(14), encoded]);
    entry.writeUInt32LE(at, 42);
    directory.push(entry);
    const local = Buffer.concat([Buffer.from("PK\x03\x04"), fields, encoded, Buffer.alloc(9)]);
    local.writeUInt16LE(9, 28);
    put(local);
    put(packed);
  }
  const start = at;
  for (const entry of directory) put(entry);
  const end = Buffer.alloc(22 + comment.length);
  end.write("PK\x05\x06");
  end.writeUInt16LE(members.length, 10);
  end.writeUInt32LE(at - start, 12);
  end.writeUInt32LE(start, 16);
  end.writeUInt16LE(comment.length, 20);
  end.write(comment, 22);
  put(end);
  return new Uint8Array(Buffer.concat(parts));
}

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
