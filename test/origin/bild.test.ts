/** The BiLD rule over the wire: lossy as far as it is asked to be, and no further. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { chooseToken } from "../../src/core/speculate/sample.ts";
import { GREEDY } from "../../src/core/speculate/types.ts";
import { runGeneration } from "../support/generation.ts";
import { GuessDrafter, reference, STOP, scriptedRow } from "../support/scripted.ts";
import { type ScriptedOrigin, scriptedOrigin } from "../support/scripted-engine.ts";

const PROMPT = [4, 9, 2];

let origin: ScriptedOrigin;
beforeAll(async () => {
  origin = await scriptedOrigin();
});
afterAll(() => origin.server.close());

/** The second most likely token at every third position, the most likely elsewhere. */
const nearly = () =>
  new GuessDrafter((timeline) => {
    const row = scriptedRow(timeline);
    const first = chooseToken(row, GREEDY, 0);
    if (timeline.length % 3 !== 0) return first;
    row[first] = Number.NEGATIVE_INFINITY;
    return chooseToken(row, GREEDY, 0);
  });

const run = (alphaRollback: number) =>
  runGeneration({
    url: origin.url,
    prompt: PROMPT,
    sampling: GREEDY,
    rule: { kind: "bild", alphaRollback },
    drafter: nearly(),
    patience: 2000,
    maxTokens: 60,
  });

test("alpha 0 gives exactly what the target gives", async () => {
  expect((await run(0)).tokens).toEqual(reference(PROMPT, GREEDY, 60, [STOP]).tokens);
});

test("a larger alpha keeps more, in fewer passes, and every kept token is as likely as it demands", async () => {
  const exact = await run(0);
  const lenient = await run(2.5);
  expect(lenient.tokens).not.toEqual(exact.tokens);
  expect(lenient.kept / lenient.tokens.length).toBeGreaterThan(exact.kept / exact.tokens.length);
  expect(lenient.tokens.length / lenient.passes).toBeGreaterThan(exact.tokens.length / exact.passes);
  const timeline = [...PROMPT];
  for (const [i, token] of lenient.tokens.entries()) {
    const row = scriptedRow(timeline);
    const own = chooseToken(row, GREEDY, timeline.length);
    if (!lenient.flags[i]) expect(token).toBe(own);
    const total = row.reduce((sum, logit) => sum + Math.exp(logit), 0);
    if (token !== own) expect(-Math.log(Math.exp(row[token]!) / total)).toBeLessThanOrEqual(2.5);
    timeline.push(token);
  }
});
