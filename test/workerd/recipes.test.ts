/**
 * Recipes that have a name, on a small deep Llama (test/support/deep.ts): every one in `npm run suite real`, one of each
 * kind in `npm test`. Its pack is another than the target's and computes; and of each family of packs that the kernels
 * serve alike, two draft in workerd: whatever they propose, the words are the target's own, in a mode of sampling each.
 * An edge Worker each, all before one embedded origin.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Miniflare } from "miniflare";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import type { PackHeader } from "../../src/core/format/pack-header.ts";
import { Pool } from "../../src/tools/compress/calibrate/threads/pool.ts";
import { RECIPES } from "../../src/tools/compress/recipes.ts";
import { squeezeModel } from "../../src/tools/compress/squeeze.ts";
import { assembleEdge, describeTarget } from "../../src/tools/service/assets.ts";
import { makeDeep, writeAnswers } from "../support/deep.ts";
import { loadPack, packHeader } from "../support/tiny.ts";
import { answerOf, edgeWorker, originWorker, startWorkers, workerOf } from "./harness.ts";

const home = mkdtempSync(join(tmpdir(), "outrider-recipes-"));
const SERVED_EACH = 2;
const PROMPTS = ["What did the riders see?", "The wagons left at dawn and the road went"];
const MODES = [
  { temperature: 0 },
  { temperature: 0.8, seed: 7, top_p: 0.95 },
  { temperature: 1.2, seed: 11, top_k: 40 },
];
const DRAFTED = { draft: "model", patience_ms: 60_000, max_draft: 6 };

/** The stages without their amounts: of one kind are recipes that differ in nothing else. Bits and 0 are no amounts. */
const kindOf = (stages: readonly object[]): string =>
  JSON.stringify(stages, (key, value) =>
    typeof value === "number" && value !== 0 && key !== "bits" ? "an amount" : value,
  );

/** The first of each kind. */
function oneOfEachKind(): typeof ALL {
  const kinds = new Map(ALL.toReversed().map((entry) => [kindOf(entry[1].stages), entry]));
  return ALL.filter((entry) => kinds.get(kindOf(entry[1].stages)) === entry);
}

const ALL = Object.entries(RECIPES);
/** vitest.config.ts sets it for `npm run suite real`. */
const TESTED = process.env.OUTRIDER_TEST_RECIPES === "all" ? ALL : oneOfEachKind();
const namesWhere = (narrows: boolean) =>
  TESTED.filter(([, { stages }]) => stages.some(({ stage }) => stage === "llm-pruner") === narrows).map(
    ([name]) => name,
  );

beforeAll(async () => {
  vi.spyOn(console, "error").mockImplementation(() => {});
  vi.spyOn(process.stderr, "write").mockImplementation(() => true);
  // Threads take longer to start than most recipes to run.
  const pool = await Pool.open();
  const end = pool[Symbol.asyncDispose].bind(pool);
  pool[Symbol.asyncDispose] = async () => {};
  vi.spyOn(Pool, "open").mockResolvedValue(pool);
  return end;
});
afterAll(() => {
  vi.restoreAllMocks();
  rmSync(home, { recursive: true, force: true });
});

/** What decides how a pack is served: the forms of its matrices, and whether its blocks differ in width. */
function familyOf({ tensors, config }: PackHeader): string {
  const forms = Object.values(tensors).map(({ format, outliers }) => `${format} ${outliers !== undefined}`);
  return [...new Set(forms)].sort().join(", ") + (config.widths ? ", widths" : "");
}

describe.each([
  { shape: "narrow" as const, names: namesWhere(false), least: 6 },
  { shape: "wide" as const, names: namesWhere(true), least: 2 },
])("on a $shape target", ({ shape, names, least }) => {
  const target = join(home, shape);
  const answers = join(home, `${shape}.jsonl`);
  const packOf = (name: string) => join(home, "packs", name);
  /** The recipes whose packs were made, by family. */
  const families = new Map<string, string[]>();

  beforeAll(async () => {
    await makeDeep(shape, target);
    await writeAnswers(target, answers);
  });

  test.each(names)("squeeze %s", async (name) => {
    const calibration = { file: answers, samples: 4, length: 32 };
    const header = await squeezeModel({ model: target, recipe: RECIPES[name]!, out: packOf(name), calibration });
    expect(header.target?.model).toBe(shape);
    expect(header.recipe.slice(1)).toMatchObject(RECIPES[name]!.stages);
    expect(header.shards).not.toEqual(packHeader(target).shards);
    const llama = await loadPack(packOf(name), 2, 1);
    expect(llama.forward(llama.newCache(), [5, 6, 7], 1).every(Number.isFinite)).toBe(true);
    const family = families.get(familyOf(header)) ?? [];
    families.set(familyOf(header), [...family, name]);
  });

  describe("served as the draft, the words are those without it", () => {
    let miniflare: Miniflare;
    let served: { name: string; mode: object }[];
    const totals = { drafted: 0, kept: 0 };
    /** By mode and prompt, what the target writes alone. */
    const alone = new Map<string, number[]>();

    beforeAll(async () => {
      const chosen = [...families.values()].flatMap((family) => family.slice(0, SERVED_EACH));
      served = chosen.map((name, n) => ({ name, mode: MODES[n % MODES.length]! }));
      const edges = served.map(async ({ name }) => {
        const assets = join(home, "edges", name);
        await assembleEdge(await describeTarget(packOf(name)), packOf(name), assets);
        return edgeWorker(assets, { KV_PAGES: 32 }, true, name);
      });
      ({ miniflare } = await startWorkers([...(await Promise.all(edges)), originWorker(target, {})]));
      for (const mode of MODES) {
        for (const prompt of PROMPTS) {
          const { ids, timings } = await ask(served[0]!.name, prompt, mode, { draft: "off" });
          expect(timings.draft_n).toBe(0);
          alone.set(JSON.stringify([mode, prompt]), ids);
        }
      }
      expect(new Set([...alone.values()].map(String)).size).toBe(PROMPTS.length * MODES.length);
    });
    afterAll(() => miniflare?.dispose());

    async function ask(edge: string, content: string, mode: object, outrider: object) {
      const body = { model: shape, messages: [{ role: "user", content }], max_tokens: 24, ...mode };
      const response = await (await workerOf(miniflare, edge)).fetch("http://edge/v1/chat/completions", {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify({ ...body, outrider: { ...outrider, trace: true } }),
      });
      const { outrider: account, timings } = await answerOf(response);
      return { ids: account.tokens.map(({ id }) => id), timings };
    }

    test("of each family two, in every mode of sampling", async () => {
      expect(families.size).toBeGreaterThanOrEqual(least);
      for (const { name, mode } of served) {
        const pairs = PROMPTS.map(async (prompt) => {
          const { ids, timings } = await ask(name, prompt, mode, DRAFTED);
          expect(ids, name).toEqual(alone.get(JSON.stringify([mode, prompt])));
          return timings;
        });
        const timings = await Promise.all(pairs);
        const drafted = timings.reduce((sum, { draft_n }) => sum + draft_n, 0);
        expect(drafted, `tokens that ${name} proposed`).toBeGreaterThan(0);
        totals.drafted += drafted;
        totals.kept += timings.reduce((sum, { draft_n_accepted }) => sum + draft_n_accepted, 0);
      }
    });

    test("of the drafts some were kept and some refused", () => {
      expect(totals.kept).toBeGreaterThan(totals.drafted / 20);
      expect(totals.kept).toBeLessThan(totals.drafted / 2);
    });
  });
});
