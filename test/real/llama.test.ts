/**
 * The llama engine on the real model: the table of all engines with the weights in f32, and an edge in workerd before a gateway that
 * runs the quantised file. The first run installs node-llama-cpp beside the project (30 MB).
 */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { prepare } from "../../src/commands/prepare.ts";
import type { TargetEngine } from "../../src/origin/engine.ts";
import { loadLlamaCpp } from "../../src/origin/engines/llama.ts";
import { ENGINE_CASES } from "../cases/engines.ts";
import { PROMPTS } from "../cases/prompts.ts";
import { ask, chat } from "../support/chat.ts";
import { llamaLibrary } from "../support/llama-library.ts";
import { realF32Gguf, realGguf, realPrompts } from "../support/real.ts";
import { startEdge, startOrigin } from "../support/service.ts";
import { packHeader } from "../support/tiny.ts";

/** Two threads that wait for each other stand still where other programs are at work. */
const THREADS = 1;
let prompts: number[][];
let engine: TargetEngine;

beforeAll(async () => {
  await llamaLibrary();
  const { target } = await prepare();
  ({ prompts } = realPrompts(target));
  engine = await loadLlamaCpp(await realF32Gguf(), {
    sequences: 8,
    kvTokens: 8 * 512,
    maxDraft: 15,
    gpu: false,
    threads: THREADS,
  });
});

afterAll(() => engine?.close?.());

describe("as every engine", () => {
  test.each(ENGINE_CASES)("$name", ({ run }) => run({ engine, prompts }));
});

test("knows the vocabulary and the name that the pack of the same model has", async () => {
  const { target } = await prepare();
  const { model, vocabulary } = packHeader(target);
  expect({ model: engine.model, vocabulary: engine.vocabulary }).toEqual({ model, vocabulary });
});

test("asks for few tokens of a distribution, and they nearly always say which one is the target's own", async () => {
  // What is asked is the business of llama-questions.ts; what the reply leaves open costs a pass of its own.
  const sampling = { temperature: 1, topK: 0, topP: 1, minP: 0, seed: 3 };
  let open = 0;
  const sequence = engine.open();
  sequence.append(prompts[0]!);
  for (let n = 0; n < 200; n++) {
    const { tokens, passes = 1 } = await sequence.decide([], {
      sampling: { ...sampling, seed: n },
      rule: { kind: "exact" },
      stop: new Set(),
    });
    open += passes - 1;
    sequence.cut(sequence.timeline.length - tokens.length);
  }
  sequence.close();
  expect(open).toBeLessThan(10);
});

describe("behind a gateway, before an edge in workerd,", () => {
  test("the text is the target's own with every drafter, greedy and sampled", async () => {
    const { target, draft } = await prepare();
    const gguf = await realGguf();
    const options = ["--cpu", "--threads", `${THREADS}`, "--max-sessions", "4", "--kv-tokens", "4096"];
    const origin = await startOrigin(gguf, "llama", options);
    const edge = await startEdge({ targetPack: target, draftPack: draft, originUrl: origin.url });
    try {
      let [kept, different, compared] = [0, 0, 0];
      for (const [n, prompt] of PROMPTS.slice(0, 12).entries()) {
        const mode = n % 2 === 0 ? { temperature: 0 } : { temperature: 0.8, seed: n };
        const say = (outrider: object) => chat(edge.url, ask(prompt), { ...mode, outrider: { ...outrider } });
        const alone = await say({ draft: "off" });
        for (const way of [
          { draft: "model", patience_ms: 10_000 },
          { draft: "both", patience_ms: 0 },
        ]) {
          const { text, timings } = await say(way);
          kept += timings.draft_n_accepted;
          compared++;
          if (text !== alone.text) different++;
        }
      }
      expect(kept).toBeGreaterThan(30);
      // On quantised weights ggml rounds activations differently for one position and for several.
      expect(different / compared).toBeLessThan(0.2);
      expect((await (await fetch(`${origin.url}/health`)).json()).live).toBe(0);
    } finally {
      await edge.stop();
      await origin.stop();
    }
  });
});
