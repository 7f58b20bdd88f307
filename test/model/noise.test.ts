import { describe, expect, test } from "vitest";
import { gumbel, gumbelCeiling, noiseBits, noiseKey } from "../../src/core/model/noise.ts";
import { chiSquareTail, seeded } from "../support/random.ts";

/** Chi-square of counts against equal expectation; the p-value must be neither tiny (uneven) nor near 1 (too even). */
function evenness(counts: ArrayLike<number>): number {
  const total = Array.from(counts).reduce((a, b) => a + b, 0);
  const expected = total / counts.length;
  let statistic = 0;
  for (let i = 0; i < counts.length; i++) statistic += (counts[i]! - expected) ** 2 / expected;
  return chiSquareTail(statistic, counts.length - 1);
}

describe("noise bits", () => {
  test("are a fixed function of seed, position and token", () => {
    expect([
      noiseBits(noiseKey(0, 0), 0),
      noiseBits(noiseKey(1, 0), 0),
      noiseBits(noiseKey(1, 7), 49151),
      noiseBits(noiseKey(0xffffffff, 4095), 12),
    ]).toMatchInlineSnapshot(`
      [
        4068645549,
        3428455190,
        3128688481,
        2194471657,
      ]
    `);
    expect(noiseBits(noiseKey(5, 9), 3)).toBe(noiseBits(noiseKey(5, 9), 3));
  });

  for (const seed of [0, 1, 0xdeadbeef]) {
    test(`are even over tokens, positions and their low and high bits (seed ${seed})`, () => {
      const high = new Float64Array(256);
      const low = new Float64Array(256);
      for (let position = 0; position < 64; position++) {
        const key = noiseKey(seed, position);
        for (let token = 0; token < 4096; token++) {
          const bits = noiseBits(key, token);
          high[bits >>> 24]!++;
          low[bits & 255]!++;
        }
      }
      for (const counts of [high, low]) {
        expect(evenness(counts)).toBeGreaterThan(1e-4);
        expect(evenness(counts)).toBeLessThan(1 - 1e-4);
      }
    });
  }

  test("of neighbouring tokens, positions and seeds are independent (16 × 16 cells of pairs)", () => {
    const pairs = { tokens: new Float64Array(256), positions: new Float64Array(256), seeds: new Float64Array(256) };
    const cell = (x: number, y: number) => (x >>> 28) * 16 + (y >>> 28);
    for (let i = 0; i < 300; i++) {
      for (let token = 0; token < 300; token++) {
        const bits = noiseBits(noiseKey(11, i), token);
        pairs.tokens[cell(bits, noiseBits(noiseKey(11, i), token + 1))]!++;
        pairs.positions[cell(bits, noiseBits(noiseKey(11, i + 1), token))]!++;
        pairs.seeds[cell(noiseBits(noiseKey(i, 5), token), noiseBits(noiseKey(i + 1, 5), token))]!++;
      }
    }
    for (const counts of Object.values(pairs)) {
      expect(evenness(counts)).toBeGreaterThan(1e-4);
      expect(evenness(counts)).toBeLessThan(1 - 1e-4);
    }
  });

  test("of one key are distinct for every token of a vocabulary", () => {
    const key = noiseKey(3, 100);
    const seen = new Set<number>();
    for (let token = 0; token < 49152; token++) seen.add(noiseBits(key, token));
    expect(seen.size).toBe(49152);
  });

  test("flip half of the output bits when any input bit flips", () => {
    const random = seeded(2);
    for (const [name, flip] of [
      ["seed", (s: number, p: number, t: number, bit: number) => noiseBits(noiseKey((s ^ (1 << bit)) >>> 0, p), t)],
      ["position", (s: number, p: number, t: number, bit: number) => noiseBits(noiseKey(s, (p ^ (1 << bit)) >>> 0), t)],
      ["token", (s: number, p: number, t: number, bit: number) => noiseBits(noiseKey(s, p), (t ^ (1 << bit)) >>> 0)],
    ] as const) {
      for (let bit = 0; bit < 17; bit++) {
        let flipped = 0;
        for (let i = 0; i < 2000; i++) {
          const [s, p, t] = [random() * 2 ** 32, random() * 8192, random() * 49152].map(Math.floor) as [
            number,
            number,
            number,
          ];
          let difference = (noiseBits(noiseKey(s, p), t) ^ flip(s, p, t, bit)) >>> 0;
          for (; difference !== 0; difference &= difference - 1) flipped++;
        }
        expect(flipped / 2000 / 32, `${name} bit ${bit}`).toBeGreaterThan(0.48);
        expect(flipped / 2000 / 32, `${name} bit ${bit}`).toBeLessThan(0.52);
      }
    }
  });
});

describe("gumbel", () => {
  test("has the mean (Euler's 0.5772) and variance (π²/6) of the standard Gumbel distribution", () => {
    let sum = 0;
    let squares = 0;
    const n = 200_000;
    for (let token = 0; token < n; token++) {
      const g = gumbel(noiseBits(noiseKey(4, 4), token));
      sum += g;
      squares += g * g;
    }
    expect(sum / n).toBeCloseTo(0.5772, 2);
    expect(squares / n - (sum / n) ** 2).toBeCloseTo(Math.PI ** 2 / 6, 1);
  });

  test("is finite at both ends and never above its ceiling", () => {
    const random = seeded(1);
    const cases = [0, 1, 0x7fffffff, 0x80000000, 0xc0000000, 0xfffffffe, 0xffffffff];
    for (let i = 0; i < 10_000; i++) cases.push(Math.floor(random() * 2 ** 32));
    for (const bits of cases) {
      expect(Number.isFinite(gumbel(bits))).toBe(true);
      expect(gumbel(bits)).toBeLessThan(gumbelCeiling(bits));
    }
  });
});
