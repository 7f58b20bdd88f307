/** Files, directories and streamed shards, in a temporary directory. */
import { createHash } from "node:crypto";
import { mkdtemp, readdir, readFile, rm, truncate, writeFile } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { importGguf } from "../../src/core/format/import.ts";
import { writePack } from "../../src/core/format/pack.ts";
import { bytesSource } from "../../src/core/format/source.ts";
import { directorySink, FileSource, openDirectory, shardReader } from "../../src/core/platform/disk.ts";
import { goldenBytes } from "../support/golden.ts";

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(path.join(os.tmpdir(), "outrider-"));
});
afterEach(() => rm(directory, { recursive: true }));

const at = (name: string) => path.join(directory, name);
const golden = await importGguf(bytesSource("llama.gguf", goldenBytes("llama.gguf")), "golden");

async function collect(chunks: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const all: Uint8Array[] = [];
  for await (const chunk of chunks) all.push(chunk);
  return Buffer.concat(all);
}

test("a file source reads ranges and refuses those past the end", async () => {
  await writeFile(at("a.bin"), Uint8Array.of(1, 2, 3, 4, 5));
  await using source = await FileSource.open(at("a.bin"));
  expect([source.name, source.size]).toEqual(["a.bin", 5]);
  expect(await source.read(1, 3)).toEqual(Uint8Array.of(2, 3, 4));
  expect(await source.read(5, 0)).toEqual(new Uint8Array());
  await expect(source.read(3, 3)).rejects.toMatchObject({ code: "truncated" });
  await expect(source.read(-1, 2)).rejects.toMatchObject({ code: "truncated" });
  await expect(source.read(0, Number.NaN)).rejects.toMatchObject({ code: "truncated" });
});

test("a file that shrinks while it is read is reported", async () => {
  await writeFile(at("a.bin"), new Uint8Array(100));
  await using source = await FileSource.open(at("a.bin"));
  await truncate(at("a.bin"), 10);
  await expect(source.read(0, 100)).rejects.toThrow("it became shorter while it was read");
});

test("a missing file is not found", async () => {
  await expect(FileSource.open(at("none"))).rejects.toMatchObject({ code: "not_found", status: 404 });
  await expect(openDirectory(directory)("none")).rejects.toMatchObject({ code: "not_found" });
});

test("a sink makes its directory and leaves no half-written files", async () => {
  const sink = directorySink(at("new/pack"));
  await sink.write("a", Uint8Array.of(1));
  await sink.write("a", Uint8Array.of(2, 3));
  expect(await readdir(at("new/pack"))).toEqual(["a"]);
  const source = await openDirectory(at("new/pack"))("a");
  expect(await source.read(0, source.size)).toEqual(Uint8Array.of(2, 3));
});

test("a shard streams whole, and a changed, cut or longer one is refused at its end", async () => {
  const header = await writePack(golden, directorySink(directory));
  const shard = header.shards[0]!;
  const stream = () => collect(shardReader(directory, header)(0));
  const bytes = await readFile(at(shard.file));
  expect(await stream()).toEqual(bytes);
  expect(createHash("sha256").update(bytes).digest("hex")).toBe(shard.sha256);

  const flipped = Buffer.from(bytes);
  flipped[flipped.length - 1]! ^= 1;
  for (const damage of [flipped, bytes.subarray(0, -1), Buffer.concat([bytes, Buffer.of(0)])]) {
    await writeFile(at(shard.file), damage);
    await expect(stream()).rejects.toMatchObject({ code: "corrupt_shard" });
  }
  await expect(collect(shardReader(directory, header)(1))).rejects.toMatchObject({ code: "not_found" });
});
