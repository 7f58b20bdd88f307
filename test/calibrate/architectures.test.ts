/** Each architecture in the float Llama of the tools: logits, loss and gradients beside transformers in f64. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { PackedModel } from "../../src/core/format/pack.ts";
import { readPack } from "../../src/core/format/pack-reader.ts";
import { tensorShapes } from "../../src/core/model/tensors.ts";
import { openDirectory } from "../../src/core/platform/disk.ts";
import { FloatLlama } from "../../src/tools/compress/calibrate/float-llama.ts";
import { Gradients } from "../../src/tools/compress/calibrate/gradients/gradients.ts";
import { meanGradients } from "../../src/tools/compress/calibrate/gradients/mean-gradients.ts";
import { score } from "../../src/tools/compress/calibrate/scoring/perplexity.ts";
import { Pool } from "../../src/tools/compress/calibrate/threads/pool.ts";
import { ARCHITECTURE_CASES } from "../cases/architectures.ts";
import { TINY_PACKS } from "../support/tiny.ts";

let pool: Pool;
let tiny: PackedModel;

beforeAll(async () => {
  pool = await Pool.open(1);
  tiny = await readPack(openDirectory(TINY_PACKS.target));
});
afterAll(() => pool[Symbol.asyncDispose]());

describe.each(ARCHITECTURE_CASES.map((each) => [each.name, each] as const))("%s", (_, golden) => {
  test("loss and gradients are those of autograd", async () => {
    const model = golden.model(tiny);
    const window = [...golden.prompt, ...golden.written];
    const llama = new FloatLlama(pool, model);
    expect((await score(llama, [window])).loss).toBeCloseTo(golden.loss, 4);

    const gradients = new Gradients(llama);
    await gradients.add([window]);
    expect(gradients.losses[0]).toBeCloseTo(golden.loss, 4);
    const means = meanGradients(model, gradients, 1, true);
    expect([...means.keys()].sort()).toEqual(
      tensorShapes(model.config)
        .map(({ name }) => name)
        .filter((name) => name.startsWith("model.layers."))
        .sort(),
    );
    for (const [name, { norm, at, values }] of Object.entries(golden.gradients)) {
      if (!name.startsWith("model.layers.")) continue;
      const { gradient, squares } = means.get(name)!;
      expect(Math.sqrt(gradient.reduce((sum, value) => sum + value * value, 0)) / norm, name).toBeCloseTo(1, 3);
      for (const [n, place] of at.entries()) {
        const difference = Math.abs(gradient[place]! - values[n]!);
        expect(difference, `${name}[${place}]`).toBeLessThan(1e-4 * norm + 1e-3 * Math.abs(values[n]!));
        expect(squares![place]!).toBeCloseTo(gradient[place]! ** 2, 6);
      }
    }
    gradients.release();
    llama.release();
  });
});
