/** Magnitudes of the real model's blocks, and which go by them, against torch's (golden/make_block_scores.py). */
import { expect, test } from "vitest";
import { readPack } from "../../src/core/format/pack-reader.ts";
import { decodeTensor } from "../../src/core/model/decode.ts";
import { blockSuffixes, blockTensor } from "../../src/core/model/tensors.ts";
import { openDirectory } from "../../src/core/platform/disk.ts";
import type { Calibration } from "../../src/tools/compress/calibrate/calibration.ts";
import { magnitudeScore } from "../../src/tools/compress/methods/shortened-llama.ts";
import { chooseBlocks } from "../../src/tools/compress/stages/shortened-llama.ts";
import { goldenJson } from "../support/golden.ts";
import { prepare } from "../support/prepared.ts";

const { scores, orders } = goldenJson("block_scores.json");
const model = await readPack(openDirectory((await prepare()).target));

test("magnitudes are torch's to 1e-6", () => {
  for (const layer of [0, 13, 29]) {
    const tensors = blockSuffixes(model.config).map((suffix) => model.tensors.get(blockTensor(layer, suffix))!);
    const ours = magnitudeScore(tensors.map((tensor) => decodeTensor(tensor, tensor.bytes)));
    expect(Math.abs(ours / scores.magnitude[layer] - 1)).toBeLessThan(1e-6);
  }
});

test("Mag+ removes the blocks of the reference, in its order", async () => {
  const unused = async () => {
    throw new Error("magnitude asks for no calibration");
  };
  const calibration: Calibration = {
    compress: unused,
    eachBlock: unused,
    round: unused,
    perplexity: unused,
    agreement: unused,
    gradients: unused,
    counts: unused,
    influence: unused,
    moments: unused,
  };
  const stage = { stage: "shortened-llama", criterion: "magnitude", remove: 10, plus: true } as const;
  expect(await chooseBlocks(model, stage, calibration)).toEqual(orders.magnitude.plus);
});
