/**
 * `outrider start` as it is typed, on targets that are no pair of the project's: a tiny Llama with its draft in
 * WebAssembly, and Qwen2 in llama.cpp without a draft, whose text is the same with lookup on and off.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterEach, expect, test } from "vitest";
import { modelId } from "../../src/core/model/model-id.ts";
import { findLlamaLibrary } from "../../src/origin/engines/llama-library.ts";
import { chat, postChat } from "../support/chat.ts";
import { writeForeignGguf } from "../support/f32-gguf.ts";
import { answers, endGroup } from "../support/process.ts";
import { freePort } from "../support/service.ts";
import { TINY_PACKS } from "../support/tiny.ts";
import { QWEN_GGUF } from "./gguf-file.ts";

const ROOT = resolve(import.meta.dirname, "../..");

let home: string;
let child: ChildProcess;
afterEach(async () => {
  await endGroup(child);
  rmSync(home, { recursive: true, force: true });
});

/** The service in a folder of its own. Resolves to its URL and to what it printed until it was ready. */
async function start(...options: string[]): Promise<{ url: string; printed: () => string }> {
  home = mkdtempSync(join(tmpdir(), "outrider-start-"));
  const port = await freePort();
  const command = [join(ROOT, "src/outrider.ts"), "start", "--port", `${port}`, ...options];
  child = spawn(process.execPath, command, { cwd: home, detached: true, stdio: ["ignore", "pipe", "pipe"] });
  let text = "";
  for (const stream of [child.stdout, child.stderr]) stream?.setEncoding("utf8").on("data", (more) => (text += more));
  const url = `http://localhost:${port}`;
  if (!(await answers(`${url}/health`, child, 300_000))) throw new Error(text);
  return { url, printed: () => text };
}

const QUESTION = [
  {
    role: "user" as const,
    content:
      "Write this function out again, with `total` renamed to `sum`:\n" +
      "def mean(values):\n    total = 0\n    for value in values:\n        total = total + value\n" +
      "    return total / len(values)\n",
  },
];

/** The text of a streamed answer. */
async function streamed(response: Promise<Response>): Promise<{ text: string; chunks: number }> {
  const lines = (await (await response).text()).split("\n\n").filter((line) => line.startsWith("data: {"));
  const pieces = lines.map((line) => JSON.parse(line.slice("data: ".length)).choices[0]?.delta.content ?? "");
  return { text: pieces.join(""), chunks: pieces.length };
}

test("a pack with a draft of its own", async () => {
  const { url, printed } = await start("--target", TINY_PACKS.target, "--draft", TINY_PACKS.draft);
  const ask = (draft: string) => chat(url, QUESTION, { model: "tiny", maxTokens: 60, outrider: { draft } });
  const drafted = await ask("model");
  expect(drafted.outrider.draft).toBe("model");
  expect(drafted.timings.target_passes).toBeLessThan(drafted.timings.predicted_n);
  expect((await ask("off")).text).toBe(drafted.text);
  await expect.poll(printed).toContain("target tiny, in WebAssembly on this machine");
  expect(printed()).toContain("draft  tiny-draft");
});

test.each([0, 0.7])("Qwen2 in llama.cpp without a draft (temperature %d)", async (temperature) => {
  await findLlamaLibrary();
  const { url, printed } = await start("--target", QWEN_GGUF, "--draft", "none", "--engine", "llama", "--threads", "1");
  const model = modelId(QWEN_GGUF);
  const options = { model, temperature, seed: 7, maxTokens: 160 };
  await chat(url, QUESTION, { ...options, maxTokens: 1 });
  const off = await chat(url, QUESTION, { ...options, outrider: { draft: "off" } });
  const on = await chat(url, QUESTION, options);
  expect(on.outrider.draft).toBe("lookup");
  expect(on.text).toBe(off.text);
  const stream = await streamed(postChat(url, QUESTION, options, true));
  expect(stream.text).toBe(off.text);
  expect(stream.chunks).toBeGreaterThan(10);
  for (const [name, { timings }] of Object.entries({ off, on })) {
    const perPass = (timings.predicted_n / timings.target_passes).toFixed(2);
    console.log(`lookup ${name}: ${perPass} tokens a pass, ${timings.predicted_per_second.toFixed(1)} tokens/s`);
  }
  expect(on.timings.target_passes).toBeLessThan(off.timings.target_passes);
  expect(printed()).toContain("in llama.cpp on this machine");
});

test("an architecture that nothing here computes, in llama.cpp without a draft", async () => {
  await findLlamaLibrary();
  const folder = mkdtempSync(join(tmpdir(), "outrider-foreign-"));
  try {
    const file = join(folder, "foreign.gguf");
    await writeForeignGguf(file);
    const { url, printed } = await start("--target", file, "--draft", "none", "--threads", "1");
    const { timings } = await chat(url, QUESTION, { model: "foreign", maxTokens: 20 });
    expect(timings.predicted_n).toBeGreaterThan(0);
    await expect.poll(printed).toContain("target foreign, in llama.cpp on this machine");
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
