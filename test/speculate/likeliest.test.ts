/** What the likeliest tokens alone determine must be what all logits say; what they leave open must be left open. */
import { expect, test } from "vitest";
import { maskOf } from "../../src/core/model/token-mask.ts";
import { chooseAmong, type Likeliest, shaped, withLoud } from "../../src/core/speculate/likeliest.ts";
import { loudTokens } from "../../src/core/speculate/loud.ts";
import { chooseToken } from "../../src/core/speculate/sample.ts";
import { Shape } from "../../src/core/speculate/shaping.ts";
import { GREEDY, type Sampling } from "../../src/core/speculate/types.ts";
import { seeded } from "../support/random.ts";

const V = 500;

/** Peaked as those of language models are; f32 as they come. */
function logitsOf(seed: number): Float32Array {
  const random = seeded(seed);
  return Float32Array.from({ length: V }, () => 3 * Math.log(1 / (1 - random())) + random());
}

/** As an engine tells them that tells logarithms of probability. */
function likeliest(logits: Float32Array, count: number): Likeliest {
  const logTotal = Math.log(logits.reduce((sum, logit) => sum + Math.exp(logit), 0));
  const ids = [...logits.keys()].sort((a, b) => logits[b]! - logits[a]! || a - b).slice(0, count);
  return { ids, logits: ids.map((id) => logits[id]! - logTotal), logTotal: 0 };
}

const sampling = (fields: Partial<Sampling>): Sampling => ({ ...GREEDY, temperature: 0.8, ...fields });

/** Sampling, tokens known, and least share of positions that these must determine. */
const CASES: [name: string, sampling: Sampling, count: number, share: number][] = [
  ["greedy", GREEDY, 2, 1],
  ["top_k with one more known", sampling({ topK: 20 }), 21, 1],
  ["top_k with as many known", sampling({ topK: 40 }), 40, 0.8],
  ["top_k with as many known, and top_p", sampling({ topK: 40, topP: 0.8 }), 40, 0.5],
  ["top_k with fewer known", sampling({ topK: 20 }), 19, 0],
  ["top_p", sampling({ topP: 0.9 }), 100, 0.9],
  ["top_p, cold", sampling({ topP: 0.95, temperature: 0.5 }), 60, 0.9],
  ["top_p, hot", sampling({ topP: 0.6, temperature: 1.4 }), 200, 0.9],
  ["top_p, its threshold open", sampling({ topP: 0.9, temperature: 1.1 }), 200, 0.9],
  ["top_p of too few", sampling({ topP: 0.99, temperature: 1.4 }), 5, 0],
  ["top_k and top_p", sampling({ topK: 40, topP: 0.9 }), 41, 1],
  ["min_p", sampling({ minP: 0.05 }), 60, 0.95],
  ["top_p and min_p", sampling({ topP: 0.9, minP: 0.02 }), 100, 0.9],
  ["no filter, most known", sampling({}), 400, 0.9],
  ["no filter, few known", sampling({}), 20, 0],
  ["no filter, all known", sampling({}), V, 1],
];

test.each(CASES)("%s", (_, request, count, share) => {
  let known = 0;
  const positions = 400;
  for (let position = 0; position < positions; position++) {
    const logits = logitsOf(position);
    const drawn = { ...request, seed: position % 7 };
    const token = chooseAmong(likeliest(logits, count), V, drawn, position);
    if (token === null) continue;
    known++;
    expect(token, `position ${position}`).toBe(chooseToken(logits, drawn, position));
  }
  expect(known / positions).toBeGreaterThanOrEqual(share);
});

/** As an engine tells them that is asked for the loud tokens too. */
function withTheLoud(
  logits: Float32Array,
  count: number,
  { seed, temperature }: Sampling,
  position: number,
): Likeliest {
  const known = likeliest(logits, count);
  const logTotal = Math.log(logits.reduce((sum, logit) => sum + Math.exp(logit), 0));
  const { ids, level } = loudTokens(V, seed, position, 30);
  return withLoud(known, new Map(ids.map((id) => [id, logits[id]! - logTotal])), level, temperature);
}

/** Sampling, likeliest tokens known beside the loud ones, and least share of positions that these must determine. */
const LOUD_CASES: [name: string, sampling: Sampling, count: number, share: number][] = [
  ["no filter", sampling({}), 40, 0.9],
  ["no filter, hot", sampling({ temperature: 1.3 }), 80, 0.8],
  ["no filter, all known", sampling({}), V, 1],
  ["top_p", sampling({ topP: 0.9 }), 60, 0.6],
  ["top_k", sampling({ topK: 40 }), 41, 1],
  ["min_p", sampling({ minP: 0.01 }), 30, 0.9],
];

test.each(LOUD_CASES)("beside the loud: %s", (_, request, count, share) => {
  let known = 0;
  let withoutThem = 0;
  const positions = 400;
  for (let position = 0; position < positions; position++) {
    const logits = logitsOf(position);
    const drawn = { ...request, seed: position % 7 };
    if (chooseAmong(likeliest(logits, count), V, drawn, position) !== null) withoutThem++;
    const token = chooseAmong(withTheLoud(logits, count, drawn, position), V, drawn, position);
    if (token === null) continue;
    known++;
    expect(token, `position ${position}`).toBe(chooseToken(logits, drawn, position));
  }
  expect(known / positions).toBeGreaterThanOrEqual(share);
  expect(known).toBeGreaterThanOrEqual(withoutThem);
});

/** Changes as masks, penalties and biases make them; the last raises a token that may be unknown. */
const SHAPES: [name: string, shape: (random: () => number) => Shape][] = [
  ["half of the tokens forbidden", (random) => new Shape([{ mask: maskOf(some(random, V / 2)) }])],
  ["all but ten forbidden", (random) => new Shape([{ mask: maskOf(some(random, 10)) }])],
  ["some lowered", (random) => new Shape([{ each: new Map(some(random, 60).map((id) => [id, (l) => l - 2])) }])],
  ["some raised", (random) => new Shape([{ each: new Map(some(random, 5).map((id) => [id, (l) => l + 1])) }])],
];

const some = (random: () => number, count: number) => Array.from({ length: count }, () => Math.floor(random() * V));

test.each(SHAPES)("whatever is known, with %s", (_, shapeOf) => {
  let known = 0;
  for (let position = 0; position < 1500; position++) {
    const random = seeded(position);
    const logits = logitsOf(position);
    const [, request, count] = CASES[position % CASES.length]!;
    const drawn = { ...request, seed: position % 7 };
    const shape = shapeOf(random);
    const told = position % 2 ? likeliest(logits, count) : withTheLoud(logits, count, drawn, position);
    const row = shaped(told, V, shape);
    const token = row && chooseAmong(row, V, drawn, position);
    if (token === null) continue;
    known++;
    shape.apply(logits);
    expect(token, `position ${position}`).toBe(chooseToken(logits, drawn, position));
  }
  expect(known).toBeGreaterThan(100);
});

test("of equals greedily the lowest id, as from all logits", () => {
  const logits = Float32Array.from({ length: V }, (_, id) => (id === 7 || id === 30 ? 5 : 0));
  const row = { ids: [30, 7], logits: [-1, -1], logTotal: 0 };
  expect(chooseAmong(row, V, GREEDY, 0)).toBe(chooseToken(logits, GREEDY, 0));
});

test("tokens as likely as the last one known may lie outside", () => {
  const row = { ids: [3, 1, 2], logits: [-1, -2, -2], logTotal: 0 };
  expect(chooseAmong(row, V, sampling({ topK: 2 }), 0)).toBeNull();
});

test("nothing known determines nothing", () => {
  expect(chooseAmong({ ids: [], logits: [], logTotal: 0 }, V, GREEDY, 0)).toBeNull();
});
