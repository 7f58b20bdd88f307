/**
 * The llama engine. On models/tiny with its weights in f32, where llama.cpp computes what the weights say: the table of
 * all engines, and an edge in workerd before it, word for word. On the real quantised file: it is the model that the
 * pack was made from, and its drafts are kept. The first run installs node-llama-cpp into the user's cache (30 MB).
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { TargetEngine } from "../../src/origin/engine.ts";
import { loadLlamaCpp } from "../../src/origin/engines/llama.ts";
import { findLlamaLibrary } from "../../src/origin/engines/llama-library.ts";
import { ENGINE_CASES } from "../cases/engines.ts";
import { PROMPTS } from "../cases/prompts.ts";
import { ask, type ChatOptions, chat } from "../support/chat.ts";
import { writeF32Gguf } from "../support/f32-gguf.ts";
import { prepare } from "../support/prepared.ts";
import { seeded } from "../support/random.ts";
import { realGguf } from "../support/real.ts";
import { startOrigin } from "../support/service.ts";
import { packHeader, TINY_PACKS } from "../support/tiny.ts";
import { start } from "../workerd/harness.ts";

// Two threads that wait for each other stand still where other programs are at work.
const OPTIONS = { sequences: 8, kvTokens: 8 * 512, maxDraft: 15, gpu: false, threads: 1, exact: true };
const SERVE = ["--cpu", "--threads", "1", "--exact", "--max-sessions", "4", "--kv-tokens", "4096"];

let home: string;
let f32: string;

beforeAll(async () => {
  await findLlamaLibrary();
  home = mkdtempSync(join(tmpdir(), "outrider-llama-"));
  f32 = join(home, "tiny.gguf");
  await writeF32Gguf(join(TINY_PACKS.target, "../tiny.gguf"), f32);
});

afterAll(() => rmSync(home, { recursive: true, force: true }));

describe("on models/tiny in f32", () => {
  let engine: TargetEngine;
  beforeAll(async () => {
    engine = await loadLlamaCpp(f32, OPTIONS);
  });
  afterAll(() => engine?.close?.());

  const random = seeded(5);
  const prompts = [7, 12, 320].map((length) => Array.from({ length }, () => 3 + Math.floor(random() * 509)));

  test.each(ENGINE_CASES)("$name", ({ run }) => run({ engine, prompts }));

  test("behind a gateway, before an edge: the target's own words with every drafter, greedy and sampled", async () => {
    const kept = await withEdge(f32, TINY_PACKS, async (answer) => {
      let accepted = 0;
      for (const [n, prompt] of PROMPTS.slice(0, 6).entries()) {
        const mode = {
          model: "tiny",
          maxTokens: 24,
          ...(n % 2 === 0 ? { temperature: 0 } : { temperature: 0.8, seed: n }),
        };
        const alone = await answer(prompt, mode, { draft: "off" });
        for (const way of WAYS) {
          const { text, timings } = await answer(prompt, mode, way);
          expect(text, prompt).toBe(alone.text);
          accepted += timings.draft_n_accepted;
        }
      }
      return accepted;
    });
    expect(kept).toBeGreaterThan(30);
  });
});

describe("on the real quantised file", () => {
  test("knows the vocabulary and the name of the pack that was made from it", async () => {
    const { target } = await prepare();
    const { model, vocabulary } = packHeader(target);
    const engine = await loadLlamaCpp(await realGguf(), OPTIONS);
    expect({ model: engine.model, vocabulary: engine.vocabulary }).toMatchObject({ model, vocabulary });
    await engine.close?.();
  });

  test("the target's own words with drafts, and some of these are kept", async () => {
    const kept = await withEdge(await realGguf(), await prepare(), async (answer) => {
      let accepted = 0;
      const mode = { temperature: 0, maxTokens: 24 };
      const alone = await answer(PROMPTS[0]!, mode, { draft: "off" });
      expect(alone.text).toMatch(/[a-z]{4}/);
      for (const way of WAYS) {
        const { text, timings } = await answer(PROMPTS[0]!, mode, way);
        expect(text).toBe(alone.text);
        accepted += timings.draft_n_accepted;
      }
      return accepted;
    });
    expect(kept).toBeGreaterThan(0);
  });
});

const WAYS = [
  { draft: "model", patience_ms: 10_000 },
  { draft: "both", patience_ms: 0 },
];

type Answer = (prompt: string, mode: ChatOptions, outrider: object) => ReturnType<typeof chat>;

/**
 * Runs `work` with an edge in workerd before a gateway whose llama engine runs `gguf`, and sees that nothing is left
 * live.
 */
async function withEdge<T>(
  gguf: string,
  packs: { target: string; draft: string },
  work: (answer: Answer) => Promise<T>,
): Promise<T> {
  const origin = await startOrigin(gguf, "llama", SERVE);
  const edge = await start({ packs, withOrigin: false, edge: { ORIGIN_URL: origin.url, PREFER: "passes" } });
  try {
    const result = await work((prompt, mode, outrider) =>
      chat(edge.url, ask(prompt), { ...mode, outrider: { ...outrider } }),
    );
    expect((await (await fetch(`${origin.url}/health`)).json()).live).toBe(0);
    return result;
  } finally {
    await edge.close();
    await origin.stop();
  }
}
