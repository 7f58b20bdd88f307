/**
 * `outrider eval --served` counts the passes that a real origin, asked over a socket by the service's own loop, takes.
 */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { BothDrafter } from "../../src/core/draft/both.ts";
import { CopyDrafter } from "../../src/core/draft/copy-drafter.ts";
import type { Llama } from "../../src/core/draft/llama.ts";
import { ModelDrafter } from "../../src/core/draft/model-drafter.ts";
import { type Drafter, GREEDY } from "../../src/core/speculate/types.ts";
import { LEAST_CONFIDENCE } from "../../src/core/speculate/window.ts";
import { WasmEngine } from "../../src/origin/engines/wasm.ts";
import { DEFAULT_LIMITS, Gateway } from "../../src/origin/gateway.ts";
import { type OriginServer, serveOrigin } from "../../src/origin/node.ts";
import { evalCommand } from "../../src/tools/commands/eval.ts";
import type { Figures } from "../../src/tools/evaluate/figures.ts";
import { DRAFTED } from "../../src/tools/evaluate/replay.ts";
import { isLoop } from "../../src/tools/text/loops.ts";
import { asLines } from "../../src/tools/text/text-file.ts";
import { type Outcome, runGeneration } from "../support/generation.ts";
import { printed } from "../support/printed.ts";
import { seeded } from "../support/random.ts";
import { loadPack, packHeader, TINY_PACKS } from "../support/tiny.ts";

const { model, vocabulary } = packHeader(TINY_PACKS.target);
const directory = mkdtempSync(path.join(tmpdir(), "outrider-served-"));
const answersFile = path.join(directory, "answers.jsonl");
const random = seeded(6);
const prompts = Array.from({ length: 12 }, (_, n) =>
  Array.from({ length: 2 + n }, () => Math.floor(random() * packHeader(TINY_PACKS.target).config.vocabulary)),
);
let origin: OriginServer;
let draft: Llama;

beforeAll(async () => {
  const engine = new WasmEngine(await loadPack(TINY_PACKS.target, 32, DRAFTED + 1), DRAFTED);
  const gateway = new Gateway(engine, { token: null, ...DEFAULT_LIMITS, now: () => performance.now() });
  origin = await serveOrigin(gateway, 0, "127.0.0.1");
  draft = await loadPack(TINY_PACKS.draft, 8, 1);
});
afterAll(async () => {
  await origin.close();
  rmSync(directory, { recursive: true });
});

/** Lets the origin answer every prompt, each in a session of its own; at a temperature, prompt n has seed n. */
async function asked(make: (model: ModelDrafter) => Drafter, temperature = 0): Promise<Outcome[]> {
  const outcomes: Outcome[] = [];
  for (const [n, prompt] of prompts.entries()) {
    const cache = draft.newCache();
    const sampling = { ...GREEDY, temperature, seed: n };
    const drafter = make(new ModelDrafter(draft, cache, sampling));
    const outcome = await runGeneration({
      url: `ws://127.0.0.1:${origin.port}/v1/verify`,
      served: { model, vocabulary: vocabulary.hash },
      stop: [],
      prompt,
      sampling,
      drafter,
      fallback: LEAST_CONFIDENCE,
      patience: 60_000,
      // What a bet makes of a copy depends on when the verdict comes, so `eval --served` leaves bets out.
      bets: false,
      maxTokens: 10 + 5 * n,
    });
    outcomes.push(outcome);
    await outcome.idle();
    cache.release();
  }
  return outcomes;
}

const sum = (outcomes: readonly Outcome[], of: (outcome: Outcome) => number): number =>
  outcomes.reduce((total, outcome) => total + of(outcome), 0);

const perPass = (outcomes: readonly Outcome[]): number =>
  sum(outcomes, ({ tokens }) => tokens.length) / sum(outcomes, ({ passes }) => passes);

const rate = (outcomes: readonly Outcome[]): number =>
  sum(outcomes, ({ kept }) => kept) / sum(outcomes, ({ verified }) => verified);

const evaluated = async (...argv: string[]): Promise<Figures> =>
  JSON.parse(await printed(() => evalCommand.run([TINY_PACKS.draft, "--json", "--no-speed", ...argv])));

describe("drafting as the service does", () => {
  test("takes the passes that an origin takes, for the model, for copies and for both", async () => {
    const alone = await asked((drafter) => drafter);
    const lookup = await asked(() => new CopyDrafter());
    const both = await asked((drafter) => new BothDrafter(new CopyDrafter(), drafter));
    expect(both.map(({ tokens }) => tokens)).toEqual(alone.map(({ tokens }) => tokens));
    writeFileSync(
      answersFile,
      alone.map(({ tokens }, n) => JSON.stringify({ prompt: prompts[n], answer: tokens })).join("\n"),
    );
    const answers = ["--answers", answersFile, "--served"];
    const { served, servedWithoutLoops, acceptanceRates } = await evaluated(...answers, "--target", TINY_PACKS.target);
    const perKind = (of: (outcomes: Outcome[]) => Outcome[]) => ({
      model: perPass(of(alone)),
      lookup: perPass(of(lookup)),
      both: perPass(of(both)),
    });
    expect(served).toEqual(perKind((outcomes) => outcomes));
    expect(acceptanceRates).toEqual({ model: rate(alone), lookup: rate(lookup), both: rate(both) });
    const straight = (outcomes: Outcome[]) => outcomes.filter(({ tokens }) => !isLoop(tokens));
    expect(straight(alone).length).toBeGreaterThan(0);
    expect(servedWithoutLoops).toEqual(perKind(straight));
    // Figures that a drafter did not change would prove nothing.
    const passesOf = (outcomes: readonly Outcome[]) => outcomes.map(({ passes }) => passes);
    expect(passesOf(both)).not.toEqual(passesOf(alone));
    expect(passesOf(lookup)).not.toEqual(passesOf(alone));
    const withoutTarget = (await evaluated(...answers)).served!;
    expect(new Set(Object.values(withoutTarget)).size).toBe(3);
    expect(withoutTarget.model).toBe(served!.model);
    expect(withoutTarget.lookup).not.toBe(served!.lookup);
    expect(withoutTarget.both).not.toBe(served!.both);
    expect(served!.model).toBeGreaterThan(1.2);
  });

  test("draws with the noise of the answer's seed, where it names one", async () => {
    const alone = await asked((drafter) => drafter, 0.8);
    const lineOf = ({ tokens }: Outcome, n: number) => ({ prompt: prompts[n], answer: tokens, temperature: 0.8 });
    const file = path.join(directory, "sampled.jsonl");
    writeFileSync(file, asLines(alone.map((outcome, n) => ({ ...lineOf(outcome, n), seed: n }))));
    const { served, acceptanceRates } = await evaluated("--answers", file, "--served");
    expect([served!.model, acceptanceRates!.model]).toEqual([perPass(alone), rate(alone)]);
    writeFileSync(file, asLines(alone.map(lineOf)));
    const unseeded = await evaluated("--answers", file, "--served");
    expect(unseeded.acceptanceRates!.model).toBeLessThan(rate(alone));
  });

  test("takes few positions with siblings, fewer passes than without, and all positions as before", async () => {
    const of = async (...limits: string[]) =>
      (await evaluated("--answers", answersFile, "--served", ...limits)).served!;
    const [one, single] = [await of("--positions", "1"), await of("--drafted", "1")];
    expect(one.model).toBeGreaterThan(single.model);
    expect(one.model).toBeLessThanOrEqual(2);
    const usual = await of();
    expect(await of("--positions", "8")).toEqual(usual);
    expect((await of("--chains")).model).toBeLessThan(usual.model);
    expect(await of("--drafted", "1", "--chains")).toEqual(single);
  });

  test("is left out unless asked for, and asks for answers", async () => {
    expect(await evaluated("--answers", answersFile)).not.toHaveProperty("served");
    await expect(evaluated("--text", answersFile, "--served")).rejects.toMatchObject({ code: "bad_option" });
  });
});
