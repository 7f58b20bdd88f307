/** OWL on the tiny model against plain loops in f64: which weights are outliers, and what each block loses. */
import { afterAll, expect, test } from "vitest";
import { readPack } from "../../../src/core/format/pack-reader.ts";
import { decodeTensor } from "../../../src/core/model/decode.ts";
import { blockTensor } from "../../../src/core/model/tensors.ts";
import { openDirectory } from "../../../src/core/platform/disk.ts";
import { Calibrator } from "../../../src/tools/compress/calibrate/calibrator.ts";
import { Pool } from "../../../src/tools/compress/calibrate/threads/pool.ts";
import { runStages } from "../../../src/tools/compress/pipeline.ts";
import type { Stage } from "../../../src/tools/compress/recipe.ts";
import { RECIPES } from "../../../src/tools/compress/recipes.ts";
import { textOf } from "../../support/calibration.ts";
import { PlainLlama } from "../../support/plain-llama.ts";
import { seeded } from "../../support/random.ts";
import { TINY_PACKS } from "../../support/tiny.ts";

const base = await readPack(openDirectory(TINY_PACKS.target));
const { layers } = base.config;
const pool = await Pool.open(2);
const random = seeded(8);
const windows = Array.from({ length: 3 }, () => Array.from({ length: 40 }, () => Math.floor(random() * 512)));
const calibration = new Calibrator(pool, textOf(windows));
afterAll(() => pool[Symbol.asyncDispose]());

const MATRICES = [
  ["self_attn.q_proj.weight", "qkv"],
  ["self_attn.k_proj.weight", "qkv"],
  ["self_attn.v_proj.weight", "qkv"],
  ["self_attn.o_proj.weight", "o"],
  ["mlp.gate_proj.weight", "gateUp"],
  ["mlp.up_proj.weight", "gateUp"],
  ["mlp.down_proj.weight", "down"],
] as const;

/**
 * Section 3.2 of the paper, word by word: D of each block, then sparsities that fall with it over 2λ, around the mean.
 */
function expectedSparsities(sparsity: number, times: number, reach: number): number[] {
  const plain = new PlainLlama(base);
  const runs = windows.map((window) => plain.run(window).blocks);
  const shares = Array.from({ length: layers }, (_, layer) => {
    const scores: number[] = [];
    for (const [suffix, input] of MATRICES) {
      const inputs = runs.flatMap((blocks) => blocks[layer]![input]);
      const cols = inputs[0]!.length;
      const norms = Array.from({ length: cols }, (_, k) => Math.hypot(...inputs.map((x) => x[k]!)));
      for (const [at, w] of plain.tensors.get(blockTensor(layer, suffix))!.entries()) {
        scores.push(Math.abs(w) * norms[at % cols]!);
      }
    }
    const mean = scores.reduce((sum, score) => sum + score) / scores.length;
    return scores.filter((score) => score > times * mean).length / scores.length;
  });
  const [least, most] = [Math.min(...shares), Math.max(...shares)];
  expect(most).toBeGreaterThan(least);
  const kept = shares.map((share) => ((share - least) / (most - least)) * 2 * reach);
  const mean = kept.reduce((sum, value) => sum + value) / layers;
  return kept.map((value) => sparsity - (value - mean));
}

const run = (stage: Stage) => runStages(base, { model: "made", stages: [stage] }, calibration);

test("Wanda: each row of a block loses what its block's outliers leave it to lose", async () => {
  const { stages } = RECIPES["owl-wanda-50"]!;
  // Few scores of random weights are five times their mean.
  const made = await run({ ...stages[0]!, owl: { times: 3, reach: 0.2 } } as Stage);
  for (const [layer, sparsity] of expectedSparsities(0.5, 3, 0.2).entries()) {
    for (const [suffix] of MATRICES) {
      const tensor = made.tensors.get(blockTensor(layer, suffix))!;
      const values = decodeTensor(tensor, tensor.bytes);
      for (let at = 0; at < values.length; at += tensor.cols) {
        const zeros = values.subarray(at, at + tensor.cols).filter((value) => value === 0).length;
        expect(zeros).toBe(Math.floor(tensor.cols * sparsity));
      }
    }
  }
  expect(made.recipe.at(-1)).toEqual({ ...stages[0], owl: { times: 3, reach: 0.2 } });
});

test("SparseGPT: each matrix loses as much", async () => {
  const made = await run({
    stage: "sparsegpt",
    pattern: { per: "matrix", sparsity: 0.6 },
    owl: { times: 3, reach: 0.1 },
  });
  for (const [layer, sparsity] of expectedSparsities(0.6, 3, 0.1).entries()) {
    const tensor = made.tensors.get(blockTensor(layer, "mlp.gate_proj.weight"))!;
    const values = decodeTensor(tensor, tensor.bytes);
    // One threshold takes the weight at it too.
    expect(values.filter((value) => value === 0).length).toBe(Math.floor(values.length * sparsity) + 1);
  }
});

test.each<[Stage, string]>([
  [
    { stage: "wanda", pattern: { per: "group", zeros: 2, of: 4 }, owl: { times: 3, reach: 0.1 } },
    "per row or per matrix",
  ],
  [{ stage: "wanda", pattern: { per: "row", sparsity: 0.95 }, owl: { times: 3, reach: 0.2 } }, "shorten reach"],
])("refuses %j", async (stage, message) => {
  await expect(run(stage)).rejects.toThrow(message);
});
