/** The tiny model with InfiniGen: bits do not depend on the build, and a budget of 1 is attention over all keys. */
import { beforeAll, expect, test } from "vitest";
import type { Llama } from "../../../src/core/draft/llama.ts";
import type { PackedModel } from "../../../src/core/format/pack.ts";
import { readPack } from "../../../src/core/format/pack-reader.ts";
import { openDirectory } from "../../../src/core/platform/disk.ts";
import { addSkew } from "../../../src/tools/compress/stages/skew.ts";
import { anySkew } from "../../support/any-skew.ts";
import { BUILDS, type Build } from "../../support/kernels.ts";
import { packedLlama } from "../../support/packed-llama.ts";
import { seeded } from "../../support/random.ts";
import { TINY_PACKS } from "../../support/tiny.ts";

let model: PackedModel;
let tokens: number[];

beforeAll(async () => {
  model = await addSkew(await readPack(openDirectory(TINY_PACKS.draft)), { stage: "skew", channels: 8 }, anySkew);
  const random = seeded(3);
  tokens = Array.from({ length: 70 }, () => Math.floor(random() * model.config.vocabulary));
});

/** A prompt without logits, then tokens one by one and a few together, as a drafter runs them. */
function logits(llama: Llama): number[] {
  const cache = llama.newCache();
  llama.forward(cache, tokens.slice(0, 64), 0);
  const one = [...llama.forward(cache, tokens.slice(64, 65), 1)];
  const more = [...llama.forward(cache, tokens.slice(65, 68), 1)];
  cache.cut(66);
  const again = [...llama.forward(cache, tokens.slice(66), 1)];
  return [...one, ...more, ...again];
}

const run = (build: "plain" | Build, share?: number): number[] =>
  logits(packedLlama(model, build, 4, 1, share === undefined ? undefined : { share }));

test("a budget of 1 changes no bit", () => {
  expect(run("simd", 1)).toEqual(run("simd"));
});

test("all builds and plain TypeScript give the same bits, other than with all keys", () => {
  const plain = run("plain", 0.6);
  for (const build of BUILDS) expect(run(build, 0.6), build).toEqual(plain);
  expect(plain).not.toEqual(run("simd"));
});

test("in a bounded cache all builds give the same bits while pages go out", () => {
  const bounded = (build: "plain" | Build): number[] => {
    const llama = packedLlama(model, build, 8, 1, { share: 0.6 });
    const cache = llama.newCache(4);
    llama.forward(cache, [...tokens, ...tokens].slice(0, 120), 0);
    return Array.from({ length: 12 }, (_, i) => {
      const row = llama.forward(cache, [tokens[i]!], 1);
      return row.reduce((sum, value) => sum + value, 0);
    });
  };
  const plain = bounded("plain");
  expect(plain.every(Number.isFinite)).toBe(true);
  for (const build of BUILDS) expect(bounded(build), build).toEqual(plain);
});
