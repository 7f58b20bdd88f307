/** What `npm run bench bild` counts, on the tiny pair, against the target alone and by another way of computing it. */
import { beforeAll, expect, test } from "vitest";
import { logProbability } from "../../../src/core/speculate/sample.ts";
import { GREEDY, type Rule } from "../../../src/core/speculate/types.ts";
import { loadPack, TINY_PACKS } from "../../support/tiny.ts";
import { type LoadedPair, loadedPair } from "../default-pair.ts";
import { answersTo, type Lossy, MAX_DRAFT } from "./lossy.ts";

const PROMPT = [5, 9, 14, 3, 8];
const TOKENS = 30;
const EXACT: Rule = { kind: "exact" };
const RULES: readonly Rule[] = [
  EXACT,
  ...[0.7, 2, 1000].map((alphaRollback) => ({ kind: "bild", alphaRollback }) as Rule),
];

let pair: LoadedPair;
let answers: Lossy[];
beforeAll(async () => {
  pair = await loadedPair(TINY_PACKS, 16, MAX_DRAFT);
  answers = await answersTo(
    pair,
    PROMPT,
    TOKENS,
    RULES.map((rule) => ({ fallback: 0, rule })),
  );
});

/** The target's own tokens. */
async function alone(): Promise<number[]> {
  const sequence = pair.engine.open();
  sequence.append(PROMPT);
  const tokens: number[] = [];
  while (tokens.length < TOKENS && !pair.stop.has(tokens.at(-1) ?? -1)) {
    tokens.push(...(await sequence.decide([], { sampling: GREEDY, rule: EXACT, stop: pair.stop })).tokens);
  }
  return tokens;
}

test("the exact rule changes nothing", async () => {
  const [exact] = answers as [Lossy];
  expect(exact.tokens).toEqual(await alone());
  expect(exact.changed).toBe(0);
  expect(exact.passes).toBeLessThan(exact.tokens.length - 1);
});

test("the more is kept, the fewer passes it takes and the more tokens are not the target's", () => {
  for (const { tokens } of answers) expect(tokens.length).toBeLessThanOrEqual(TOKENS);
  const all = answers.at(-1)!;
  expect(all.passes).toBeLessThan(answers[0]!.passes);
  expect(all.changed).toBeGreaterThan(0);
  const likelihoods = answers.map(({ logLikelihood, tokens }) => logLikelihood / (tokens.length - 1));
  expect(likelihoods.at(-1)).toBeLessThan(likelihoods[0]!);
});

test("likelihoods and changes are those of the finished text, a pass a token", async () => {
  const target = await loadPack(TINY_PACKS.target, 16, 1);
  for (const { tokens, logLikelihood, changed } of answers) {
    const cache = target.newCache();
    target.forward(cache, PROMPT, 0);
    let sum = 0;
    let others = 0;
    for (const [i, token] of tokens.slice(1).entries()) {
      const row = target.forward(cache, [tokens[i]!], 1);
      sum += logProbability(row, token);
      if (row.indexOf(Math.max(...row)) !== token) others++;
    }
    cache.release();
    expect(logLikelihood).toBeCloseTo(sum, 4);
    expect(changed).toBe(others);
  }
});
