import { expect, test } from "vitest";
import { gumbel, noiseBits, noiseKey } from "../../src/core/model/noise.ts";
import { LoudPositions, loudTokens } from "../../src/core/speculate/loud.ts";

const V = 5000;

test("loud tokens are those with the largest noise, about as many as asked for", () => {
  let found = 0;
  for (let position = 0; position < 50; position++) {
    const { ids, level } = loudTokens(V, 9, position, 20);
    const noise = Array.from({ length: V }, (_, id) => gumbel(noiseBits(noiseKey(9, position), id)));
    const loudest = [...noise.keys()].sort((a, b) => noise[b]! - noise[a]!).slice(0, ids.length);
    expect(new Set(ids)).toEqual(new Set(loudest));
    expect(noise.filter((each) => each > level)).toHaveLength(ids.length);
    found += ids.length;
  }
  expect(found / 50).toBeGreaterThan(17);
  expect(found / 50).toBeLessThan(23);
});

test("all tokens are loud where more are asked for than there are", () => {
  expect(loudTokens(12, 1, 1, 40).ids).toHaveLength(12);
});

test("a position that comes again has the same, and so has one that was forgotten", () => {
  const remembered = new LoudPositions(V, 20);
  const first = remembered.at(7, 3);
  expect(first).toEqual(loudTokens(V, 7, 3, 20));
  expect(remembered.at(7, 3)).toBe(first);
  for (let position = 10; position < 1100; position++) remembered.at(7, position);
  expect(remembered.at(7, 3)).not.toBe(first);
  expect(remembered.at(7, 3)).toEqual(first);
});
