/** The drafter's draw against the target's rule, over the kernels of this machine. */
import { expect, test } from "vitest";
import { drawTokens } from "../../src/core/draft/draw.ts";
import { gumbel, noiseBits, noiseKey } from "../../src/core/model/noise.ts";
import { chooseToken, keepFloor } from "../../src/core/speculate/sample.ts";
import { GREEDY, type Sampling } from "../../src/core/speculate/types.ts";
import { held } from "../support/held-logits.ts";
import { normal, seeded } from "../support/random.ts";

test("greedy is the argmax, the lowest id among equals", () => {
  const logits = Float32Array.of(1, 5, 5, 2, 0);
  expect(drawTokens(held(logits, 5), logits, GREEDY, 0, 1)[0]!.id).toBe(1);
});

test("refuses a row without a finite logit", () => {
  for (const value of [Number.NaN, Number.NEGATIVE_INFINITY]) {
    const logits = new Float32Array(7).fill(value);
    expect(() => drawTokens(held(logits, 7), logits, GREEDY, 0, 1)).toThrowError(/no finite logit/);
  }
});

const anySampling = (random: () => number, i: number): Sampling => ({
  temperature: [0.05, 0.7, 1, 3][(i >> 2) % 4]!,
  topK: random() < 0.5 ? Math.floor(random() * 60) : 0,
  topP: random() < 0.6 ? random() : 1,
  minP: random() < 0.3 ? random() / 5 : 0,
  seed: Math.floor(random() * 2 ** 32),
});

test("is the target's own draw, whatever the filters, with ties and with too many logits near the top", () => {
  const random = seeded(21);
  for (let i = 0; i < 1500; i++) {
    const V = 1 + Math.floor(random() * 2000);
    const spread = [0.3, 1, 4, 12][i % 4]!;
    const step = i % 5 === 0 ? 4 : 2 ** 20;
    const logits = Float32Array.from({ length: V }, () => Math.round(spread * normal(random) * step) / step);
    const sampling = anySampling(random, i);
    const drawn = drawTokens(held(logits, i % 3 === 0 ? 100 : 2000), logits, sampling, i, 1)[0]!.id;
    expect(drawn, JSON.stringify({ i, V, sampling })).toBe(chooseToken(logits, sampling, i));
  }
});

test("with a trimmed vocabulary it is the target's own draw where the target can emit kept tokens only", () => {
  const random = seeded(22);
  for (let i = 0; i < 500; i++) {
    const V = 2 + Math.floor(random() * 2000);
    const spread = [0.3, 1, 4, 12][i % 4]!;
    const whole = Float32Array.from({ length: V }, () => spread * normal(random));
    const isKept = Array.from({ length: V }, (_, id) => id === V - 1 || random() < 0.3);
    const kept = [...isKept.keys()].filter((id) => isKept[id]);
    const substitutes = new Array<number>(V - kept.length).fill(kept[0]!);
    const restricted = whole.map((logit, id) => (isKept[id] ? logit : Number.NEGATIVE_INFINITY));
    const sampling = i % 10 === 0 ? GREEDY : anySampling(random, i);
    const logits = Float32Array.from(kept, (id) => whole[id]!);
    const own = held(logits, i % 3 === 0 ? 100 : 2000, { kept, substitutes });
    const drawn = drawTokens(own, own.logits, sampling, i, 1)[0]!.id;
    expect(drawn, JSON.stringify({ i, V, sampling })).toBe(chooseToken(restricted, sampling, i));
  }
});

test("each next one is the target's draw without those before, of the tokens that the filters leave", () => {
  const random = seeded(23);
  for (let i = 0; i < 500; i++) {
    const V = 1 + Math.floor(random() * 500);
    const logits = Float32Array.from({ length: V }, () => [0.3, 1, 4, 12][i % 4]! * normal(random));
    const sampling = i % 5 === 0 ? GREEDY : anySampling(random, i);
    const top = Math.max(...logits);
    const scale = sampling.temperature === 0 ? 1 : 1 / sampling.temperature;
    const floor = sampling.temperature === 0 ? Number.NEGATIVE_INFINITY : keepFloor(logits, top, sampling);
    const key = noiseKey(sampling.seed, i);
    const score = (id: number) => logits[id]! + sampling.temperature * gumbel(noiseBits(key, id));
    const wanted = [...logits.keys()]
      .filter((id) => (logits[id]! - top) * scale >= floor)
      .sort((a, b) => score(b) - score(a))
      .slice(0, 4);
    const own = held(logits, 500);
    const drawn = drawTokens(own, own.logits, sampling, i, 4);
    expect(drawn.map(({ id }) => id)).toEqual(wanted);
    expect(drawn.map((token) => token.score)).toEqual(wanted.map(score));
  }
});
