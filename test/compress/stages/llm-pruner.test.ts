/** The stage on the tiny model with made-up gradients: counts, and that channels worth nothing cost nothing. */
import { describe, expect, test } from "vitest";
import type { PackedModel } from "../../../src/core/format/pack.ts";
import { readPack } from "../../../src/core/format/pack-reader.ts";
import { decodeTensor } from "../../../src/core/model/decode.ts";
import { blockTensor } from "../../../src/core/model/tensors.ts";
import { openDirectory } from "../../../src/core/platform/disk.ts";
import type { Calibration } from "../../../src/tools/compress/calibrate/calibration.ts";
import { type LlmPruner, llmPruner } from "../../../src/tools/compress/stages/llm-pruner.ts";
import { TINY_PACKS } from "../../support/tiny.ts";
import { zeroWidth } from "../zero-width.ts";

const tiny = await readPack(openDirectory(TINY_PACKS.target));
const all = (count: number) => Array.from({ length: count }, (_, n) => n);
const STAGE: LlmPruner = { stage: "llm-pruner", attention: 0, mlp: 1 / 3, blocks: [1, 4] };

/** Gradients of one everywhere: the importance of a group is the sum of its weights' magnitudes. */
function ones(): Calibration {
  const unused = async () => {
    throw new Error("not asked for");
  };
  return {
    compress: unused,
    eachBlock: unused,
    round: unused,
    perplexity: unused,
    counts: unused,
    agreement: unused,
    influence: unused,
    moments: unused,
    gradients: async (model) => (name) => {
      const { rows, cols } = model.tensors.get(name)!;
      return { gradient: new Float32Array(rows * cols).fill(1) };
    },
  };
}

const values = (model: PackedModel, layer: number, suffix: string) => {
  const tensor = model.tensors.get(blockTensor(layer, suffix))!;
  return decodeTensor(tensor, tensor.bytes);
};

describe("llm-pruner", () => {
  test("within each block, only between the blocks given", async () => {
    const made = await llmPruner(tiny, { ...STAGE, attention: 0.5 }, ones());
    const whole = { kvHeads: 2, feedForward: 96 };
    const narrow = { kvHeads: 1, feedForward: 64 };
    expect(made.config.widths).toEqual([whole, narrow, narrow, narrow, narrow, whole]);
    expect(made.recipe.at(-1)).toEqual({ ...STAGE, attention: 0.5 });
  });

  test("channels and heads that are zero are the ones to go: what is left is all there was", async () => {
    const width = { kvHeads: [1], channels: all(96).filter((n) => n % 3 > 0) };
    const zeroed = zeroWidth(
      tiny,
      Array.from({ length: 6 }, () => width),
    );
    const made = await llmPruner(zeroed, { ...STAGE, attention: 0.5 }, ones());
    const gate = values(tiny, 2, "mlp.gate_proj.weight");
    expect(values(made, 2, "mlp.gate_proj.weight")).toEqual(
      Float32Array.from(width.channels.flatMap((channel) => [...gate.subarray(channel * 64, channel * 64 + 64)])),
    );
    expect(values(made, 2, "self_attn.k_proj.weight")).toEqual(
      values(tiny, 2, "self_attn.k_proj.weight").subarray(32 * 64),
    );
  });

  test.each([
    [{ attention: 0.3 }, "leaves 2 of 2 key/value heads; one head is a ratio of 0.5"],
    [{ mlp: 1 }, "mlp is 1"],
    [{ blocks: [3, 6] as const }, "blocks are 3 to 6; choose from 0 to 5"],
  ])("refuses %j", async (change, message) => {
    await expect(llmPruner(tiny, { ...STAGE, ...change }, ones())).rejects.toThrow(message);
  });
});
