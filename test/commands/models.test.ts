/** Which target and draft a command line means, what runs them, and what is refused. No model is fetched. */
import { copyFileSync, cpSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { wholePack } from "../../src/core/platform/disk.ts";
import { runnable } from "../../src/tools/commands/engine.ts";
import { edgeModels } from "../../src/tools/commands/models.ts";
import { prepareCommand } from "../../src/tools/commands/prepare.ts";
import { startCommand } from "../../src/tools/commands/start.ts";
import { defaultPair, knownPairs, pairNamed } from "../../src/tools/obtain/pair.ts";
import { assembleEdge, describeTarget, draftFor } from "../../src/tools/service/assets.ts";
import { printed } from "../support/printed.ts";
import { TINY_PACKS } from "../support/tiny.ts";

const MODELS = path.resolve(import.meta.dirname, "../../models");
const GGUF = path.join(MODELS, "tiny/tiny.gguf");
const pairs = knownPairs(MODELS);
const pair = defaultPair(pairs);

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(path.join(tmpdir(), "models-"));
  vi.stubEnv("OUTRIDER_CACHE", path.join(directory, "cache"));
});
afterEach(() => {
  vi.unstubAllEnvs();
  rmSync(directory, { recursive: true });
});

describe("models", () => {
  test("nothing named: the default pair, described by its draft", async () => {
    const { target, draft, from } = await edgeModels({});
    expect({ model: target.model, draft, from }).toEqual({ model: pair.target.model, draft: pair.draft, from: pair });
  });

  test("a draft by its short name, by its path, and none", async () => {
    const large = pairNamed("qwen2.5-coder-1.5b", pairs).drafts.get("l")!;
    expect((await edgeModels({ pair: "qwen2.5-coder-1.5b", draft: "l" })).draft).toBe(large);
    expect((await edgeModels({ draft: pair.draft! })).draft).toBe(pair.draft);
    expect(await edgeModels({ draft: "none" })).toMatchObject({ draft: null, from: pair });
  });

  test("a target by its path: pack and GGUF file are described alike, with no draft unless one is named", async () => {
    const pack = await edgeModels({ target: TINY_PACKS.target });
    const gguf = await edgeModels({ target: GGUF, draft: TINY_PACKS.draft });
    const { model, vocabulary, context } = pack.target;
    expect(gguf.target).toMatchObject({ model, vocabulary, context });
    expect([pack.draft, gguf.draft]).toEqual([null, TINY_PACKS.draft]);
  });

  test.each([
    [{ draft: TINY_PACKS.draft }, "drafts for tiny: name that target with --target, or its origin with --origin"],
    [{ pair: pair.name, draft: TINY_PACKS.draft }, "drafts for tiny, which has other tokens than the target of"],
    [{ pair: "smollm3" }, 'there is no pair "smollm3"'],
    [{ draft: "nowhere" }, "--draft nowhere: there is no such draft; give the folder of a pack, "],
    [{ target: TINY_PACKS.target, draft: "m" }, "--draft m: there is no such draft; give the folder of a pack or none"],
    [{ target: path.dirname(TINY_PACKS.target) }, "it is not a .gguf file, or a folder with pack.json"],
    [{ target: "nowhere" }, "nowhere: there is no such file or folder; name a .gguf file"],
  ])("%j is refused", async (choice, message) => {
    await expect(edgeModels(choice)).rejects.toThrow(message);
  });

  test("a draft of another target is taken if it has the same tokens", async () => {
    const other = await edgeModels({ target: GGUF, draft: TINY_PACKS.draft });
    const target = { ...other.target, model: "other" };
    expect((await draftFor(target, TINY_PACKS.draft)).model).toBe("tiny-draft");
  });

  test("a draft of the project by the name of its folder", async () => {
    const coder = pairNamed("qwen2.5-coder-1.5b", pairs);
    const named = await edgeModels({ draft: "qwen2.5-coder-draft-l" });
    expect(named).toMatchObject({ draft: coder.drafts.get("l"), from: { name: coder.name } });
  });

  test("a draft with other tokens is refused before anything is written", async () => {
    const assets = path.join(directory, "assets");
    const target = { ...(await describeTarget(GGUF, "other")), vocabulary: { size: 512, hash: "0".repeat(16) } };
    await expect(assembleEdge(target, TINY_PACKS.draft, assets)).rejects.toMatchObject({
      code: "wrong_draft",
      message: expect.stringContaining("drafts for tiny, and other has other tokens"),
    });
    await expect(wholePack(path.join(assets, "draft"))).resolves.toBeUndefined();
  });
});

describe("what runs a target", () => {
  const run = async (target: string, engine?: "wasm" | "llama") => runnable(await edgeModels({ target }), engine);

  test("a pack runs where it lies", async () => {
    expect(await run(TINY_PACKS.target)).toEqual({ engine: "wasm", pack: TINY_PACKS.target });
  });

  test("a small Llama's GGUF file is imported, once, under its SHA-256", async () => {
    const first = await run(GGUF);
    expect(first.engine === "wasm" && (await wholePack(first.pack))?.model).toBe("tiny");
    const copy = path.join(directory, "other-name.gguf");
    copyFileSync(GGUF, copy);
    expect(await run(copy)).toEqual(first);
  });

  test("llama.cpp runs the file itself, if asked to", async () => {
    expect(await run(GGUF, "llama")).toEqual({ engine: "llama", file: GGUF });
  });

  test("a pack is nothing for llama.cpp", async () => {
    await expect(run(TINY_PACKS.target, "llama")).rejects.toThrow("is a pack, and llama.cpp runs GGUF files");
  });
});

test("prepare puts the target's pack where it is wanted, and leaves the cache alone", async () => {
  const usual = path.join(directory, "cache/packs", pair.target.sha256);
  cpSync(TINY_PACKS.target, usual, { recursive: true });
  const out = path.join(directory, "out");
  cpSync(TINY_PACKS.draft, out, { recursive: true });
  vi.stubEnv("OUTRIDER_GGUF", "");
  const lines = (await printed(() => prepareCommand.run(["--out", out]))).trim().split("\n");
  expect(path.resolve(lines[0]!.split(":")[0]!)).toBe(out);
  expect((await wholePack(out))?.model).toBe("tiny");
  expect((await wholePack(usual))?.model).toBe("tiny");
  expect((await wholePack(TINY_PACKS.draft))?.model).toBe("tiny-draft");
});

test.each([
  [["--pair", "x", "--target", "y"], "--pair and --target exclude each other"],
  [["--origin", "http://localhost:1", "--engine", "wasm"], "--origin and --engine exclude each other"],
  [["--origin", "gpu"], '--origin is a URL such as https://origin.example.com, not "gpu"'],
  [["--engine", "vllm"], "--url is missing; it says where the vllm server listens"],
  [["--engine", "llama", "--url", "http://localhost:1"], "--url names an SGLang or vLLM server; say which"],
  [["--engine", "sglang", "--url", "gpu:30000"], '--url is a URL as http://127.0.0.1:8000, not "gpu:30000"'],
  [["--engine", "vllm", "--url", "http://127.0.0.1:1", "--draft", "none"], "name its model with --pair or --target"],
  [["--engine", "vllm", "--url", "http://127.0.0.1:1", "--target", GGUF], "the vLLM server does not answer"],
  [["--port", "28787", "--origin", "http://127.0.0.1:1"], "it does not answer"],
  [["--port", "28787", "--origin", "http://127.0.0.1:1", "--target", GGUF], "it does not answer"],
])("start %j is refused in one sentence", async (argv, message) => {
  const error: Error = await startCommand.run(argv).catch((reason) => reason);
  expect(error.message).toContain(message);
  expect(error.message.split("\n")).toHaveLength(1);
});
