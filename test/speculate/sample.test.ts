import { describe, expect, test } from "vitest";
import { gumbel, noiseBits, noiseKey } from "../../src/core/model/noise.ts";
import { chooseToken, logProbability } from "../../src/core/speculate/sample.ts";
import { GREEDY, type Sampling } from "../../src/core/speculate/types.ts";
import { chiSquareTail, normal, seeded } from "../support/random.ts";

/** The same definition with a full sort and noise for every token. */
function plainSurvivors(logits: Float32Array, { temperature, topK, topP, minP }: Sampling): number[] {
  const top = Math.max(...logits);
  const x = Array.from(logits, (l) => (l - top) * (1 / temperature));
  let ids = x.map((_, id) => id).filter((id) => x[id]! > Number.NEGATIVE_INFINITY);
  ids.sort((a, b) => x[b]! - x[a]! || a - b);
  if (topK > 0 && topK < ids.length) ids = ids.filter((id) => x[id]! >= x[ids[topK - 1]!]!);
  if (topP < 1) {
    const total = ids.reduce((sum, id) => sum + Math.exp(x[id]!), 0);
    let sum = 0;
    let last = 0;
    for (; last < ids.length; last++) {
      sum += Math.exp(x[ids[last]!]!);
      if (sum >= topP * total) break;
    }
    const floor = x[ids[Math.min(last, ids.length - 1)]!]!;
    ids = ids.filter((id) => x[id]! >= floor);
  }
  if (minP > 0) ids = ids.filter((id) => x[id]! >= Math.log(minP));
  return ids;
}

function plainChoice(logits: Float32Array, sampling: Sampling, position: number): number {
  const top = Math.max(...logits);
  const key = noiseKey(sampling.seed, position);
  let winner = -1;
  let best = Number.NEGATIVE_INFINITY;
  for (const id of plainSurvivors(logits, sampling)) {
    const score = (logits[id]! - top) * (1 / sampling.temperature) + gumbel(noiseBits(key, id));
    if (score > best) [winner, best] = [id, score];
  }
  return winner;
}

const randomLogits = (random: () => number, V: number, spread: number) =>
  Float32Array.from({ length: V }, () => spread * normal(random));

describe("greedy", () => {
  test("takes the largest logit, the lowest id among equals", () => {
    expect(chooseToken(Float32Array.of(1, 5, 5, 2), GREEDY, 0)).toBe(1);
    expect(chooseToken(Float32Array.of(-3, -1, -1), { ...GREEDY, seed: 99, topK: 1 }, 7)).toBe(1);
  });

  test("skips forbidden tokens and refuses a row without a finite logit", () => {
    expect(chooseToken(Float32Array.of(Number.NEGATIVE_INFINITY, -8, -9), GREEDY, 0)).toBe(1);
    for (const row of [[Number.NaN, Number.NaN], [], [Number.POSITIVE_INFINITY, 1], [-Infinity, Number.NaN]]) {
      expect(() => chooseToken(Float32Array.from(row), GREEDY, 0)).toThrowError(/no finite logit/);
    }
    // That is no damage: a request may forbid everything.
    const all = new Float32Array(3).fill(Number.NEGATIVE_INFINITY);
    const forbidden = expect.objectContaining({ code: "nothing_allowed", status: 400 });
    expect(() => chooseToken(all, GREEDY, 0)).toThrowError(forbidden);
  });
});

describe("sampled", () => {
  test("equals a full sort with noise for every token, over 3,000 random rows and settings", () => {
    const random = seeded(7);
    for (let i = 0; i < 3000; i++) {
      const V = 2 + Math.floor(random() * (i % 10 === 0 ? 3000 : 60));
      const logits = randomLogits(random, V, [0.01, 1, 4, 20][i % 4]!);
      if (i % 5 === 0) for (let j = 0; j < V; j++) logits[j] = Math.round(logits[j]!); // ties
      if (i % 7 === 0) logits[Math.floor(random() * V)] = Number.NEGATIVE_INFINITY;
      const sampling: Sampling = {
        temperature: [0.05, 0.7, 1, 2.5][Math.floor(random() * 4)]!,
        topK: [0, 1, 5, 40, V + 3][Math.floor(random() * 5)]!,
        topP: [1, 0.95, 0.5, 0.001][Math.floor(random() * 4)]!,
        minP: [0, 0.05, 1][Math.floor(random() * 3)]!,
        seed: Math.floor(random() * 2 ** 32),
      };
      if (!Number.isFinite(Math.max(...logits))) continue;
      const position = Math.floor(random() * 4000);
      expect(chooseToken(logits, sampling, position), JSON.stringify({ i, V, sampling })).toBe(
        plainChoice(logits, sampling, position),
      );
    }
  });

  for (const filters of [
    { topK: 0, topP: 1, minP: 0 },
    { topK: 6, topP: 1, minP: 0 },
    { topK: 0, topP: 0.8, minP: 0 },
    { topK: 0, topP: 1, minP: 0.1 },
    { topK: 8, topP: 0.9, minP: 0.02 },
  ]) {
    test(`over positions follows the softmax of what ${JSON.stringify(filters)} leaves (chi-square)`, () => {
      const temperature = 0.8;
      const logits = randomLogits(seeded(3), 24, 1.5);
      const sampling: Sampling = { temperature, seed: 12345, ...filters };
      const kept = plainSurvivors(logits, sampling);
      const weights = kept.map((id) => Math.exp(logits[id]! / temperature));
      const total = weights.reduce((a, b) => a + b, 0);
      const draws = 40_000;
      const counts = new Map<number, number>();
      for (let position = 0; position < draws; position++) {
        const token = chooseToken(logits, sampling, position);
        counts.set(token, (counts.get(token) ?? 0) + 1);
      }
      expect([...counts.keys()].every((id) => kept.includes(id))).toBe(true);
      let statistic = 0;
      kept.forEach((id, i) => {
        const expected = (draws * weights[i]!) / total;
        statistic += ((counts.get(id) ?? 0) - expected) ** 2 / expected;
      });
      expect(chiSquareTail(statistic, kept.length - 1)).toBeGreaterThan(1e-4);
    });
  }

  test("couples two distributions: shared noise agrees in at least (1 − TV)/(1 + TV), independent noise less", () => {
    const random = seeded(5);
    const p = randomLogits(random, 30, 1.5);
    const q = p.map((l) => l + 0.5 * normal(random));
    const softmax = (l: Float32Array) => {
      const e = Array.from(l, Math.exp);
      const sum = e.reduce((a, b) => a + b, 0);
      return e.map((x) => x / sum);
    };
    const [P, Q] = [softmax(p), softmax(q)];
    const overlap = P.reduce((sum, x, i) => sum + Math.min(x, Q[i]!), 0);
    const independent = P.reduce((sum, x, i) => sum + x * Q[i]!, 0);
    const sampling = { temperature: 1, topK: 0, topP: 1, minP: 0, seed: 1 };
    const draws = 20_000;
    let agree = 0;
    for (let i = 0; i < draws; i++) if (chooseToken(p, sampling, i) === chooseToken(q, sampling, i)) agree++;
    const tv = 1 - overlap;
    expect(agree / draws).toBeGreaterThan((1 - tv) / (1 + tv) - 0.015);
    expect(agree / draws).toBeLessThan(overlap + 0.015);
    expect(agree / draws).toBeGreaterThan(independent + 0.1);
  });
});

test("logProbability is the log-softmax", () => {
  const logits = Float32Array.of(1, 2, 3, -50);
  const sum = Math.exp(1) + Math.exp(2) + Math.exp(3) + Math.exp(-50);
  for (let i = 0; i < 4; i++) expect(logProbability(logits, i)).toBeCloseTo(logits[i]! - Math.log(sum), 10);
});
