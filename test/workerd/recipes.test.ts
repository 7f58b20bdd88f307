/**
 * Every recipe that has a name, as it is typed, on a small deep Llama; and its pack as the draft in workerd: whatever it
 * proposes, the words are the target's own, in a mode of sampling each. An edge Worker each, all before one embedded origin.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Miniflare } from "miniflare";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { RECIPES } from "../../src/compress/recipes.ts";
import { squeezeModel } from "../../src/compress/squeeze.ts";
import { assembleEdge, describeTarget } from "../../src/service/assets.ts";
import { makeDeep, writeAnswers } from "../support/deep.ts";
import { packHeader } from "../support/tiny.ts";
import { answerOf, edgeWorker, originWorker, startWorkers, workerOf } from "./harness.ts";

const NAMES = Object.keys(RECIPES);
const home = mkdtempSync(join(tmpdir(), "outrider-recipes-"));
const target = join(home, "target");
const answers = join(home, "answers.jsonl");
const packOf = (name: string) => join(home, "packs", name);
/** The recipes whose packs were made. */
const made: string[] = [];

beforeAll(async () => {
  await makeDeep(target);
  await writeAnswers(target, answers);
});
afterAll(() => rmSync(home, { recursive: true, force: true }));

describe("squeeze", () => {
  beforeAll(() => {
    vi.spyOn(console, "error").mockImplementation(() => {});
    vi.spyOn(process.stderr, "write").mockImplementation(() => true);
  });
  afterAll(() => void vi.restoreAllMocks());

  test.each(NAMES)("%s", async (name) => {
    const calibration = { file: answers, samples: 4, length: 64 };
    await squeezeModel({ model: target, recipe: RECIPES[name]!, out: packOf(name), calibration });
    const { target: draftsFor, recipe } = packHeader(packOf(name));
    expect(draftsFor?.model).toBe("deep");
    expect(recipe.slice(1)).toMatchObject(RECIPES[name]!.stages);
    made.push(name);
  });
});

describe("served as the draft, the words are those without it", () => {
  const PROMPTS = ["What did the riders see?", "The wagons left at dawn and the road went"];
  const MODES = [
    { temperature: 0 },
    { temperature: 0.8, seed: 7, top_p: 0.95 },
    { temperature: 1.2, seed: 11, top_k: 40 },
  ];
  let miniflare: Miniflare;
  const totals = { drafted: 0, kept: 0 };
  /** By mode and prompt, what the target says alone. */
  const alone = new Map<string, number[]>();

  beforeAll(async () => {
    const edges = made.map(async (name) => {
      const assets = join(home, "edges", name);
      await assembleEdge(await describeTarget(packOf(name)), packOf(name), assets);
      return edgeWorker(assets, { KV_PAGES: 32 }, true, name);
    });
    ({ miniflare } = await startWorkers([...(await Promise.all(edges)), originWorker(target, {})]));
    for (const mode of MODES) {
      for (const prompt of PROMPTS) {
        const { ids, timings } = await ask(made[0]!, prompt, mode, { draft: "off" });
        expect(timings.draft_n).toBe(0);
        alone.set(JSON.stringify([mode, prompt]), ids);
      }
    }
    expect(new Set([...alone.values()].map(String)).size).toBe(PROMPTS.length * MODES.length);
  }, 600_000);
  afterAll(() => miniflare?.dispose());

  async function ask(edge: string, content: string, mode: object, outrider: object) {
    const body = { model: "deep", messages: [{ role: "user", content }], max_tokens: 24, ...mode };
    const response = await (await workerOf(miniflare, edge)).fetch("http://edge/v1/chat/completions", {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ ...body, outrider: { ...outrider, trace: true } }),
    });
    const { outrider: account, timings } = await answerOf(response);
    return { ids: account.tokens.map(({ id }) => id), timings };
  }

  test.each(NAMES.map((name, n) => ({ name, mode: MODES[n % MODES.length]! })))("$name", async ({ name, mode }) => {
    expect(made).toContain(name);
    const pairs = PROMPTS.map(async (prompt) => {
      const drafted = await ask(name, prompt, mode, { draft: "model", patience_ms: 60_000, max_draft: 6 });
      expect(drafted.ids).toEqual(alone.get(JSON.stringify([mode, prompt])));
      return drafted.timings;
    });
    const timings = await Promise.all(pairs);
    const drafted = timings.reduce((sum, { draft_n }) => sum + draft_n, 0);
    expect(drafted, "tokens that the pack proposed").toBeGreaterThan(0);
    totals.drafted += drafted;
    totals.kept += timings.reduce((sum, { draft_n_accepted }) => sum + draft_n_accepted, 0);
  });

  test("of the drafts some were kept and some refused", () => {
    expect(totals.kept).toBeGreaterThan(totals.drafted / 20);
    expect(totals.kept).toBeLessThan(totals.drafted / 2);
  });
});
