/** The emulated GPU: what passes cost, who joins them, and that it replays what the tiny target said. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Drafter, GREEDY, type Sampling } from "../../src/core/speculate/types.ts";
import type { TargetEngine } from "../../src/origin/engine.ts";
import {
  ACCELERATORS,
  type Accelerator,
  acceleratorNamed,
  COST_CLASSES,
  DEFAULT_ACCELERATOR,
  passMs,
} from "../../src/origin/engines/accelerators.ts";
import { emulatedEngine } from "../../src/origin/engines/emulated.ts";
import { batchMs, EmulatedGpu } from "../../src/origin/engines/emulated-gpu.ts";
import { type Recording, Recordings } from "../../src/origin/engines/recordings.ts";
import { WasmEngine } from "../../src/origin/engines/wasm.ts";
import { DEFAULT_LIMITS, Gateway } from "../../src/origin/gateway.ts";
import { serveOrigin } from "../../src/origin/node.ts";
import { alone, ENGINE_CASES, SAMPLED } from "../cases/engines.ts";
import { runGeneration } from "../support/generation.ts";
import { seeded } from "../support/random.ts";
import { loadPack, TINY_PACKS } from "../support/tiny.ts";

const MAX_DRAFT = 7;
/** A millisecond a pass: tests wait for it. */
const QUICK = "gemm16:1";

const promptOf = (seed: number, length: number): number[] => {
  const random = seeded(seed);
  return Array.from({ length }, () => 3 + Math.floor(random() * 200));
};
const PROMPTS = [promptOf(11, 9), promptOf(12, 300), promptOf(13, 40)];

let target: TargetEngine;
let recordings: Recordings;
let engine: TargetEngine;

/** What the tiny target says, computed pass by pass: the engine's reference. */
beforeAll(async () => {
  target = new WasmEngine(await loadPack(TINY_PACKS.target, 64, MAX_DRAFT + 1), MAX_DRAFT);
  const samplings: Sampling[] = [GREEDY, ...SAMPLED, { ...SAMPLED[0]!, seed: SAMPLED[0]!.seed + 1 }];
  const all: Recording[] = [];
  for (const prompt of PROMPTS) {
    for (const sampling of samplings) {
      all.push({ prompt, answer: await alone(target, prompt, sampling, 48), ...sampling });
    }
  }
  recordings = new Recordings(all);
  engine = emulated(QUICK);
});
afterAll(() => engine.close!());

function emulated(name: string): TargetEngine {
  const { model, vocabulary, context } = target;
  const gpu = new EmulatedGpu(acceleratorNamed(name));
  return emulatedEngine({ model, vocabulary, context }, recordings, gpu, { maxDraft: MAX_DRAFT, sequences: 64 });
}

describe("as every engine", () => {
  test.each(ENGINE_CASES)("$name", async ({ run }) => run({ engine, prompts: PROMPTS }));
});

const deciding = (sampling: Sampling) => ({ sampling, rule: { kind: "exact" } as const, stop: new Set<number>() });

describe("refuses", () => {
  test.each([
    ["a prompt that nobody recorded", [5, 6, 7], GREEDY],
    ["a recorded prompt at a seed that was not", PROMPTS[0]!, { ...SAMPLED[0]!, seed: 999 }],
    ["a timeline that leaves its answer", [...PROMPTS[0]!, 1, 2, 3], GREEDY],
  ] as const)("%s, in one sentence that says what is recorded and how to record", async (_, prompt, sampling) => {
    const sequence = engine.open();
    sequence.append(prompt);
    await expect(sequence.decide([], deciding(sampling))).rejects.toMatchObject({
      code: "not_recorded",
      message: expect.stringMatching(/3 answers at temperature 0 and .*outrider corpus --out .* --recorded FILE/),
    });
    expect(sequence.timeline).toEqual(prompt);
  });

  test("what follows the end of a recording", async () => {
    const { prompt, answer } = recordings.all[0]!;
    const sequence = engine.open();
    sequence.append([...prompt, ...answer]);
    await expect(sequence.decide([], deciding(GREEDY))).rejects.toMatchObject({
      code: "not_recorded",
      message: expect.stringContaining(`recorded up to ${answer.length} tokens`),
    });
  });

  test("an accelerator that there is not, naming those that there are", () => {
    for (const name of ["h200", "gemm16", "gemm16:0", "gemm16:2000", "toString:5"]) {
      expect(() => acceleratorNamed(name)).toThrow(/2xh100-70b, .*gemm16:25.*llamacpp4/);
    }
  });
});

describe("a pass takes", () => {
  const T = 25;
  const of = (costs: string): Accelerator => ({ ...acceleratorNamed(`${costs}:${T}`), contextUs: 0 });
  const over = (positions: number) => ({ positions, prompt: 0, context: 0 });

  test.each([
    ["gemm16", 8, 1.1],
    ["gemm16", 16, 1.22],
    ["gemm16", 128, 1.3],
    ["fp8", 16, 1.08],
    ["fp8", 64, 1.59],
    ["marlin4", 16, 1.05],
    ["llamacpp4", 3, 1.2],
    ["llamacpp4", 8, 2.15],
    ["llamacpp4", 16, 2.15],
    ["metal", 4, 1.41],
    ["metal", 8, 2.16],
  ])("in class %s over %i positions %f times T", (costs, positions, ratio) => {
    expect(passMs(of(costs), over(1))).toBe(T);
    expect(passMs(of(costs), over(positions))).toBeCloseTo(T * ratio, 9);
  });

  test("as long as one, and what the keys and values of each sequence take", () => {
    const gpu = { ...of("gemm16"), contextUs: 2 };
    const works = [700, 300].map((context) => ({ positions: 4, prompt: 0, context }));
    expect(batchMs(gpu, works)).toBeCloseTo(T * 1.1 + 2, 9);
  });

  test("as long as a prompt that is read along, where that takes longer", () => {
    const gpu = { ...of("gemm16"), prefill: 1000 };
    expect(passMs(gpu, { positions: 1, prompt: 20, context: 0 })).toBe(T);
    expect(passMs(gpu, { positions: 1, prompt: 500, context: 0 })).toBe(500);
    expect(passMs(gpu, { positions: 8, prompt: 500, context: 0 })).toBeCloseTo(500 + T * 0.1, 9);
  });

  test("the steps of drafts that are made on the same GPU longer", () => {
    const works = [4, 2].map((draftSteps) => ({ ...over(5), draftSteps }));
    const { draftMs } = of("gemm16");
    expect(batchMs(of("gemm16"), works) - batchMs(of("gemm16"), [over(10)])).toBeCloseTo(4 * draftMs * 1.06, 9);
  });
});

test("every accelerator says where its numbers are from", () => {
  expect(ACCELERATORS.has(DEFAULT_ACCELERATOR)).toBe(true);
  for (const { source, about, passMs, prefill } of ACCELERATORS.values()) {
    expect(source).toMatch(/https:|docs|README|benchmark|modelled/);
    expect(about).not.toBe("");
    expect(passMs).toBeGreaterThan(0);
    expect(prefill).toBeGreaterThan(0);
  }
  for (const { source } of Object.values(COST_CLASSES)) expect(source).toMatch(/https:/);
});

describe("passes of several sequences", () => {
  const work = { positions: 1, prompt: 0, context: 0 };

  test("are one where all were ready, also when they go on at once; who comes later joins the next", async () => {
    const gpu = new EmulatedGpu(acceleratorNamed("gemm16:200"));
    const ends: string[] = [];
    const client = async (name: string, passes: number) => {
      for (let n = 0; n < passes; n++) await gpu.run(work).then(() => ends.push(name));
    };
    const clients = [client("a", 2), client("b", 2)];
    // The first pass is under way.
    await new Promise((resolve) => setTimeout(resolve, 5));
    await Promise.all([...clients, client("late", 1)]);
    expect(ends.slice(0, 2)).toEqual(["a", "b"]);
    expect(ends.slice(2).sort()).toEqual(["a", "b", "late"]);
    expect(gpu.counts).toMatchObject({ passes: 2, positions: 5 });
    await gpu.close();
  });
});

test("over a real socket the text is the recorded one: streamed, and with drafts of which some are wrong", async () => {
  const gateway = new Gateway(emulated(QUICK), { ...DEFAULT_LIMITS, token: null, now: () => performance.now() });
  const server = await serveOrigin(gateway, 0, "127.0.0.1");
  const url = `ws://127.0.0.1:${server.port}/v1/verify`;
  const served = { model: engine.model, vocabulary: engine.vocabulary.hash };
  for (const { prompt, answer, ...sampling } of recordings.all.slice(0, 4)) {
    let at = 0;
    const drafter: Drafter = {
      async sync(timeline) {
        at = timeline.length - prompt.length;
      },
      async propose(max) {
        const next = answer.slice(at, at + max);
        return next.map((id, i) => ({ id: (at + i) % 5 === 4 ? id + 1 : id, confidence: 0.8, source: "model" }));
      },
    };
    const common = { url, served, stop: [], prompt, sampling };
    const streamed = await runGeneration(common);
    const drafted = await runGeneration({ ...common, drafter, patience: 1000 });
    expect(streamed.tokens).toEqual(answer.slice(0, 40));
    expect(drafted.tokens).toEqual(answer.slice(0, 40));
    expect(streamed.passes).toBe(40);
    expect(drafted.passes).toBeLessThan(20);
    await drafted.idle();
  }
  const unknown = runGeneration({ url, served, prompt: [9, 9], sampling: GREEDY });
  await expect(unknown).rejects.toMatchObject({ code: "not_recorded" });
  await server.close();
});
