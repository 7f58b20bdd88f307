import { expect, test } from "vitest";
import { ModelDrafter } from "../../src/core/draft/model-drafter.ts";
import { sharpened } from "../../src/core/draft/sharpness.ts";
import { chooseToken } from "../../src/core/speculate/sample.ts";
import { GREEDY, type Sampling } from "../../src/core/speculate/types.ts";
import { normal, seeded } from "../support/random.ts";
import { loadPack, TINY_PACKS } from "../support/tiny.ts";

const V = 60;
const POSITIONS = 2000;
/** What a target might say, for all that its draft knows. */
const WORLDS = 12;

/** The logits of a target at a position, and those of a draft that has learned the mean of what it might say. */
function position(random: () => number): { target: Float32Array; draft: Float32Array } {
  const shared = Float32Array.from({ length: V }, () => 4 * normal(random));
  const worlds = Array.from({ length: WORLDS }, () => shared.map((logit) => logit + 4 * normal(random)));
  const mean = new Float32Array(V);
  for (const world of worlds) {
    const total = world.reduce((sum, logit) => sum + Math.exp(logit), 0);
    for (const [id, logit] of world.entries()) mean[id]! += Math.exp(logit) / total / WORLDS;
  }
  return { target: worlds[0]!, draft: mean.map(Math.log) };
}

/** The share of the target's tokens that a draft of the same noise draws. */
function kept(ofTarget: Sampling, ofDraft: Sampling): number {
  const random = seeded(5);
  let same = 0;
  for (let at = 0; at < POSITIONS; at++) {
    const { target, draft } = position(random);
    if (chooseToken(target, ofTarget, at) === chooseToken(draft, ofDraft, at)) same++;
  }
  return same / POSITIONS;
}

test("a draft that is the mean of what a sure target might say is kept more often when it draws more sharply", () => {
  for (const temperature of [0.8, 1]) {
    const sampling = { ...GREEDY, temperature, seed: 7 };
    expect(kept(sampling, sharpened(sampling, 1.5)), `${temperature}`).toBeGreaterThan(
      kept(sampling, sampling) + 0.005,
    );
  }
});

test("greedy stays greedy, and filters and seed stay as they are", () => {
  expect(sharpened(GREEDY, 1.5)).toEqual(GREEDY);
  const sampling = { temperature: 0.6, topK: 5, topP: 0.9, minP: 0.1, seed: 3 };
  expect(sharpened(sampling, 2)).toEqual({ ...sampling, temperature: 0.3 });
  expect(sharpened(sampling)).toEqual(sampling);
});

test("a drafter draws as sharply as its pack says", async () => {
  const timeline = Array.from({ length: 20 }, (_, i) => 3 + i);
  const draft = async (sampling: Sampling, sharpness?: number) => {
    const llama = await loadPack(TINY_PACKS.draft, 4, 1);
    Object.defineProperty(llama, "header", { value: { ...llama.header, drafting: { sharpness } } });
    const drafter = new ModelDrafter(llama, llama.newCache(), sampling);
    await drafter.sync(timeline);
    return (await drafter.propose(8, () => true)).map(({ id }) => id);
  };
  const sampling = { ...GREEDY, temperature: 1, seed: 11 };
  const greedy = await draft(GREEDY);
  expect(await draft(sampling, 1e6)).toEqual(greedy);
  expect(await draft(sampling)).not.toEqual(greedy);
  expect(await draft(sampling, 2)).toEqual(await draft({ ...sampling, temperature: 0.5 }));
});
