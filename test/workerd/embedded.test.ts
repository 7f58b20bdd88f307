/**
 * The embedded origin as built, in workerd, on the tiny target: the same answers as the engine gives in this process.
 */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { CopyDrafter } from "../../src/core/draft/copy-drafter.ts";
import { ModelDrafter } from "../../src/core/draft/model-drafter.ts";
import { History } from "../../src/core/speculate/history.ts";
import { generate, type Summary } from "../../src/core/speculate/round.ts";
import { type Drafter, GREEDY, type Sampling } from "../../src/core/speculate/types.ts";
import { Window } from "../../src/core/speculate/window.ts";
import { VerifyClient } from "../../src/core/verify/client.ts";
import { WasmEngine } from "../../src/origin/engines/wasm.ts";
import { eventually } from "../support/eventually.ts";
import { seeded } from "../support/random.ts";
import { loadPack, packHeader, TINY_PACKS } from "../support/tiny.ts";
import { originWorker, startWorkers } from "./harness.ts";

const header = packHeader(TINY_PACKS.target);
const SAMPLED: Sampling = { temperature: 0.8, topK: 0, topP: 0.95, minP: 0, seed: 11 };

let run: Awaited<ReturnType<typeof startWorkers>>;
let url: string;

beforeAll(async () => {
  const vars = { KV_PAGES: 64, ORIGIN_TOKEN: "a-token-for-tests" };
  run = await startWorkers([originWorker(TINY_PACKS.target, vars)]);
  url = run.url;
});

afterAll(() => run?.miniflare.dispose());

const promptOf = (seed: number, length = 12): number[] => {
  const random = seeded(seed);
  return Array.from({ length }, () => 3 + Math.floor(random() * (header.config.vocabulary - 3)));
};

/** What the target decides without drafts, by the same engine in Node. */
async function expected(prompt: readonly number[], sampling: Sampling, maxTokens: number): Promise<number[]> {
  const engine = new WasmEngine(await loadPack(TINY_PACKS.target, 64, 1), 0);
  const sequence = engine.open();
  sequence.append(prompt);
  const stop = new Set(header.config.eosIds);
  while (sequence.timeline.length - prompt.length < maxTokens && !stop.has(sequence.timeline.at(-1)!)) {
    while (await sequence.prefill());
    await sequence.decide([], { sampling, rule: { kind: "exact" }, stop });
  }
  return sequence.timeline.slice(prompt.length);
}

function clientOf(prompt: readonly number[], sampling: Sampling, patience: number, maxTokens: number, session: string) {
  return new VerifyClient({
    way: {
      connect: async () => {
        const headers = { authorization: "Bearer a-token-for-tests" };
        const { WebSocket } = await import("ws");
        return new WebSocket(`${url.replace("http", "ws")}/v1/verify`, { headers }) as unknown as globalThis.WebSocket;
      },
    },
    open: {
      model: header.model,
      vocabulary: header.vocabulary.hash,
      session,
      sampling,
      rule: { kind: "exact" },
      patience,
      stop: [...header.config.eosIds],
    },
    timeline: prompt,
    keep: 0,
    vocabularySize: header.vocabulary.size,
    maxTokens,
  });
}

async function generation(
  prompt: readonly number[],
  sampling: Sampling,
  drafter: Drafter | null,
  patience: number,
  maxTokens: number,
  session: string,
): Promise<{ tokens: number[]; summary: Summary }> {
  const timeline = [...prompt];
  const window = new Window({ maxDraft: 8, fallback: 0, patience, spare: "passes" }, new History());
  const { steps } = generate(timeline, drafter, clientOf(prompt, sampling, patience, maxTokens, session), window);
  for (;;) {
    const step = await steps.next();
    if (step.done) return { tokens: timeline.slice(prompt.length), summary: step.value };
  }
}

const health = async () => (await (await fetch(`${url}/health`)).json()) as Record<string, unknown>;

test("serves the pack among its assets, without offering the weights to the world", async () => {
  expect(await health()).toMatchObject({ status: "ok", model: header.model, vocabulary: header.vocabulary });
  for (const path of ["/pack.json", `/${header.shards[0]!.file}`, "/"]) {
    expect((await fetch(url + path)).status).toBe(404);
  }
});

test("needs its bearer token", async () => {
  expect((await fetch(`${url}/metrics`)).status).toBe(401);
});

describe("answers what the engine decides", () => {
  for (const sampling of [GREEDY, SAMPLED]) {
    test(`with and without drafts, streaming and waiting (temperature ${sampling.temperature})`, async () => {
      const prompt = promptOf(1);
      const draft = await loadPack(TINY_PACKS.draft, 8, 1);
      const right = await expected(prompt, sampling, 40);
      for (const patience of [0, 2000]) {
        const drafter = new ModelDrafter(draft, draft.newCache(), sampling);
        const { tokens, summary } = await generation(prompt, sampling, drafter, patience, 40, `drafted-${patience}`);
        expect(tokens).toEqual(right);
        if (patience > 0) expect(summary.kept).toBeGreaterThan(0);
      }
      expect((await generation(prompt, sampling, null, 0, 40, "off")).tokens).toEqual(right);
    });
  }

  test("to eight sessions at once, whose timelines together exceed the KV pages", async () => {
    // 64 pages hold 2,048 tokens; a tiny timeline of 400 reserves 13 or 14 pages, so some must wait.
    const prompts = Array.from({ length: 8 }, (_, i) => promptOf(100 + i, 390));
    const answers = await Promise.all(
      prompts.map((prompt, i) =>
        generation(prompt, SAMPLED, new CopyDrafter(), i % 2 === 0 ? 0 : 500, 10, `many-${i}`),
      ),
    );
    for (const [i, prompt] of prompts.entries()) {
      expect(answers[i]!.tokens).toEqual(await expected(prompt, SAMPLED, 10));
    }
    expect(await health()).toMatchObject({ live: 0 });
  });
});

test("a session belongs to the newer connection, across requests of the Worker", async () => {
  const prompt = promptOf(7);
  const older = clientOf(prompt, GREEDY, 60_000, 200, "contested");
  await older.next();
  const waiting = expect(older.next()).rejects.toMatchObject({ code: "session_taken" });
  expect((await generation(prompt, GREEDY, null, 0, 20, "contested")).tokens).toEqual(
    await expected(prompt, GREEDY, 20),
  );
  await waiting;
});

test("a client that leaves is noticed", async () => {
  const client = clientOf(promptOf(8), GREEDY, 60_000, 200, "leaving");
  await client.next();
  expect(await health()).toMatchObject({ live: 1, connections: 1 });
  client.close();
  await eventually(async () => expect(await health()).toMatchObject({ live: 0, connections: 0 }));
});
