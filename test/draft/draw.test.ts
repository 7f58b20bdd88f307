/** The drafter's draw against the target's rule, over the kernels of this machine. */
import { expect, test } from "vitest";
import { drawToken, drawTokens, type Logits } from "../../src/draft/draw.ts";
import { gumbel, noiseBits, noiseKey } from "../../src/model/noise.ts";
import { TokenRows } from "../../src/model/token-rows.ts";
import { chooseToken, keepFloor } from "../../src/speculate/sample.ts";
import { GREEDY, type Sampling } from "../../src/speculate/types.ts";
import { freshKernels } from "../support/kernels.ts";
import { normal, seeded } from "../support/random.ts";

const X = 4096;
const OUT = 1 << 20;
const IDS = 2 << 20;
const { kernels, memory } = freshKernels("dot16");

/** V floats as a model would hold them, of the tokens `kept`; `room` of them fit where the largest are gathered. */
function holding(logits: Float32Array, room: number, kept?: readonly number[]): Logits {
  const V = logits.length;
  new Float32Array(memory.buffer, X, V).set(logits);
  if (kept) new Uint32Array(memory.buffer, IDS, V).set(kept);
  const size = kept ? kept.at(-1)! + 1 : V;
  const substitutes = new Array<number>(size - V).fill(kept?.[0] ?? 0);
  const tokens = new TokenRows({ config: { vocabulary: V }, vocabulary: { size }, kept, substitutes });
  return {
    tokens,
    argmax: () => tokens.idOf(kernels.argmax(X, V)),
    gumbelArgmax: (_, scale, floor, { a, b }) =>
      tokens.idOf(kernels.gumbelArgmax(X, V, kept ? IDS : 0, scale, floor, a, b)),
    logSumExp: (_, scale = 1) => kernels.logSumExp(X, V, scale),
    logitsAbove(_, cut) {
      const count = kernels.gatherAbove(X, V, cut, OUT, room);
      return count <= room ? new Float32Array(memory.buffer, OUT, count) : undefined;
    },
  };
}

test("greedy is the argmax, the lowest id among equals", () => {
  const logits = Float32Array.of(1, 5, 5, 2, 0);
  expect(drawToken(holding(logits, 5), logits, GREEDY, 0)).toBe(1);
});

test("refuses a row without a finite logit", () => {
  for (const value of [Number.NaN, Number.NEGATIVE_INFINITY]) {
    const logits = new Float32Array(7).fill(value);
    expect(() => drawToken(holding(logits, 7), logits, GREEDY, 0)).toThrowError(/no finite logit/);
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
    const drawn = drawToken(holding(logits, i % 3 === 0 ? 100 : 2000), logits, sampling, i);
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
    const restricted = whole.map((logit, id) => (isKept[id] ? logit : Number.NEGATIVE_INFINITY));
    const sampling = i % 10 === 0 ? GREEDY : anySampling(random, i);
    const logits = Float32Array.from(kept, (id) => whole[id]!);
    const drawn = drawToken(holding(logits, i % 3 === 0 ? 100 : 2000, kept), logits, sampling, i);
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
    const held = holding(logits, 500);
    const drawn = drawTokens(held, new Float32Array(memory.buffer, X, V), sampling, i, 4);
    expect(drawn.map(({ id }) => id)).toEqual(wanted);
    expect(drawn.map((token) => token.score)).toEqual(wanted.map(score));
  }
});
