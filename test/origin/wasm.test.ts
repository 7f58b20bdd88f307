/** The wasm engine on the tiny target: sequences under drafts, cuts and a pool that runs out. */
import { beforeAll, describe, expect, test } from "vitest";
import type { Llama } from "../../src/core/draft/llama.ts";
import { chooseToken } from "../../src/core/speculate/sample.ts";
import { GREEDY, type Sampling, type Sibling } from "../../src/core/speculate/types.ts";
import type { EngineSequence } from "../../src/origin/engine.ts";
import { WasmEngine } from "../../src/origin/engines/wasm.ts";
import { alone, ENGINE_CASES } from "../cases/engines.ts";
import { seeded } from "../support/random.ts";
import { reference, scriptedRows } from "../support/scripted.ts";
import { loadPack, TINY_PACKS } from "../support/tiny.ts";

const SAMPLED: Sampling = { temperature: 0.9, topK: 0, topP: 1, minP: 0, seed: 3 };
const MAX_DRAFT = 7;
const PAGES = 16;

let llama: Llama;
beforeAll(async () => {
  llama = await loadPack(TINY_PACKS.target, PAGES, MAX_DRAFT + 1);
});

const promptOf = (seed: number, length: number): number[] => {
  const random = seeded(seed);
  return Array.from({ length }, () => 3 + Math.floor(random() * (llama.header.config.vocabulary - 3)));
};

/** Token by token from an empty cache: no drafts, no reuse. */
function plain(prompt: readonly number[], sampling: Sampling, count: number): number[] {
  const cache = llama.newCache();
  const timeline = [...prompt];
  let pending = [...prompt];
  while (timeline.length < prompt.length + count) {
    const token = chooseToken(llama.forward(cache, pending, 1), sampling, timeline.length);
    timeline.push(token);
    pending = [token];
  }
  cache.release();
  return timeline.slice(prompt.length);
}

async function settle(sequence: EngineSequence): Promise<number> {
  let slices = 0;
  while (await sequence.prefill()) slices++;
  return slices;
}

describe("as every engine", () => {
  const prompts = [promptOf.bind(null, 11, 9), promptOf.bind(null, 12, 300), promptOf.bind(null, 13, 40)];
  test.each(ENGINE_CASES)("$name", async ({ run }) => {
    const roomy = await loadPack(TINY_PACKS.target, 4 * PAGES, MAX_DRAFT + 1);
    await run({ engine: new WasmEngine(roomy, MAX_DRAFT), prompts: prompts.map((make) => make()) });
  });
});

const deciding = (sampling: Sampling) => ({ sampling, rule: { kind: "exact" } as const, stop: new Set<number>() });

describe("decides what a plain loop does", () => {
  test.each([GREEDY, SAMPLED])("token by token (%j)", async (sampling) => {
    const prompt = promptOf(1, 70);
    expect(await alone(new WasmEngine(llama, MAX_DRAFT), prompt, sampling, 30)).toEqual(plain(prompt, sampling, 30));
  });

  test("when other sequences take its pages in between", async () => {
    const engine = new WasmEngine(llama, MAX_DRAFT);
    const prompts = [promptOf(3, 300), promptOf(4, 280)];
    const sequences = prompts.map((prompt) => {
      const sequence = engine.open();
      sequence.append(prompt);
      return sequence;
    });
    for (let round = 0; round < 3; round++) {
      for (const sequence of sequences) {
        expect(await settle(sequence)).toBeGreaterThan(5);
        await sequence.decide([], deciding(SAMPLED));
      }
    }
    for (const [i, sequence] of sequences.entries()) {
      expect(sequence.timeline.slice(prompts[i]!.length)).toEqual(plain(prompts[i]!, SAMPLED, 3));
      sequence.close();
    }
  });
});

test("in a next turn reads no token that the cache holds of a refused draft or after an answer's end", async () => {
  // The tiny model hardly minds one wrong token in its cache; the made-up language does at once.
  const engine = new WasmEngine(scriptedLlama(), MAX_DRAFT);
  for (let seed = 0; seed < 20; seed++) {
    const prompt = [1 + seed, 2, 3];
    const [own] = reference(prompt, GREEDY, 1, []).tokens as [number];
    const wrong = own === 5 ? 6 : 5;
    for (const [draft, siblings] of [[[wrong, 7, 8]], [[own]], [[wrong, 7, 8], [{ at: 0, id: own }]]] as const) {
      const sequence = engine.open();
      sequence.append(prompt);
      await sequence.decide(draft, { ...deciding(GREEDY), stop: new Set([own]) }, siblings);
      sequence.append([9]);
      await sequence.decide([], deciding(GREEDY));
      expect(sequence.timeline).toEqual([...prompt, own, 9, ...reference([...prompt, own, 9], GREEDY, 1, []).tokens]);
      sequence.close();
    }
  }
});

/** A Llama that speaks the language of `scripted.ts`, reading nothing but its cache. */
function scriptedLlama(): Llama {
  class Cache {
    tokens: number[] = [];
    cut(length: number): void {
      this.tokens.length = Math.min(this.tokens.length, length);
    }
    release(): void {}
  }
  const { header, pool } = llama;
  return {
    header,
    pool,
    newCache: () => new Cache(),
    forward(cache: Cache, tokens: readonly number[], rows: number, siblings: readonly Sibling[]): Float32Array {
      const start = tokens.length - rows + 1;
      const places = siblings.map(({ at, id }) => ({ at: at - start, id }));
      const logits = scriptedRows([...cache.tokens, ...tokens.slice(0, start)], tokens.slice(start), places);
      cache.tokens.push(...tokens);
      return logits;
    },
  } as unknown as Llama;
}

test("closing gives every page back", async () => {
  const engine = new WasmEngine(llama, MAX_DRAFT);
  const before = llama.pool.free;
  const sequence = engine.open();
  sequence.append(promptOf(6, 100));
  await settle(sequence);
  await sequence.decide([1, 2, 3], deciding(GREEDY));
  expect(llama.pool.free).toBeLessThan(before);
  sequence.close();
  expect(llama.pool.free).toBe(before);
});

test("says what fits: the pool bounds the context, and pages are the unit of cost", async () => {
  const engine = new WasmEngine(llama, MAX_DRAFT);
  const { capacity, cost } = engine.capabilities;
  expect(engine.context).toBe(Math.min(llama.header.config.context, PAGES * 32));
  expect(capacity).toBe(PAGES);
  expect([1, 32, 33, engine.context].map(cost)).toEqual([1, 1, 2, Math.ceil(engine.context / 32)]);
  const sequence = engine.open();
  sequence.append(promptOf(7, engine.context - 1));
  await settle(sequence);
  expect((await sequence.decide([], deciding(GREEDY))).tokens).toHaveLength(1);
  sequence.close();
});
