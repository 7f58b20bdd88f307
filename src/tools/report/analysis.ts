/**
 * What each block of a pack has lost: the distance of its matrices from the original's, and the original's sensitivity
 * to it.
 */

import type { PackedModel } from "../../core/format/pack.ts";
import { decodeTensor } from "../../core/model/decode.ts";
import { type BlockSuffix, blockSuffixes, blockTensor } from "../../core/model/tensors.ts";
import { startProgress } from "../../core/platform/progress.ts";
import type { FloatLlama } from "../compress/calibrate/float-llama.ts";
import { blockMatrices } from "../compress/calibrate/passes/shape.ts";
import { blockOrigins } from "./origins.ts";
import type { Sensitivity } from "./sensitivity.ts";

export interface BlockLoss {
  /** The block's number in the original. */
  readonly origin: number;
  /** ‖W − original‖ / ‖original‖ (Frobenius) of each matrix; absent where the block has another shape. */
  readonly errors?: ReadonlyMap<BlockSuffix, number>;
  /** KL of the original with this block in place of its own, in nats, where it was measured. */
  readonly divergence?: number;
}

export interface Analysis {
  /** Undefined when the blocks of the original cannot be identified. */
  readonly blocks: readonly BlockLoss[] | undefined;
  /** Share of zeros among the weights of block matrices. */
  readonly zeros: number;
}

/**
 * The analysis of a pack. `llama` is the original; where `sensitivity` of it is given, divergences are measured too.
 */
export async function analyse(
  model: PackedModel,
  original: PackedModel,
  llama: FloatLlama,
  sensitivity: Sensitivity | undefined,
): Promise<Analysis> {
  const { layers } = model.config;
  const origins = blockOrigins(model, original);
  const progress = startProgress(`blocks of ${model.model}`, layers);
  const blocks: BlockLoss[] = [];
  let zeros = 0;
  let weights = 0;
  try {
    for (let layer = 0; layer < layers; layer++) {
      const block = decodedBlock(model, layer);
      for (const [, values] of block) {
        for (const value of values) if (value === 0) zeros++;
        weights += values.length;
      }
      if (origins)
        blocks.push(await lossOf(block, hasShapesOf(llama, model, layer), origins[layer]!, llama, sensitivity));
      progress.update(layer + 1);
    }
  } finally {
    progress.end();
  }
  return { blocks: origins && blocks, zeros: zeros / weights };
}

/** The matrices of a block. */
function decodedBlock({ config, tensors }: PackedModel, layer: number): Map<BlockSuffix, Float32Array> {
  const block = new Map<BlockSuffix, Float32Array>();
  for (const suffix of blockSuffixes(config)) {
    const tensor = tensors.get(blockTensor(layer, suffix))!;
    if (tensor.rows > 1) block.set(suffix, decodeTensor(tensor, tensor.bytes));
  }
  return block;
}

function hasShapesOf(llama: FloatLlama, { tensors }: PackedModel, layer: number): boolean {
  return Object.entries(blockMatrices(llama.config).tensors).every(([suffix, { rows, cols }]) => {
    const tensor = tensors.get(blockTensor(layer, suffix))!;
    return tensor.rows === rows && tensor.cols === cols;
  });
}

async function lossOf(
  block: ReadonlyMap<BlockSuffix, Float32Array>,
  comparable: boolean,
  origin: number,
  llama: FloatLlama,
  sensitivity: Sensitivity | undefined,
): Promise<BlockLoss> {
  if (!comparable) return { origin };
  const errors = new Map(
    [...block].map(([suffix, values]) => [suffix, relativeError(values, llama.weights(origin, suffix))]),
  );
  if (!sensitivity) return { origin, errors };
  // A block that equals the original's changes nothing, and measuring it would take as long as any other.
  const same = [...errors.values()].every((error) => error === 0);
  return { origin, errors, divergence: same ? 0 : await sensitivity.divergence(origin, block) };
}

/** ‖values − original‖ / ‖original‖ */
function relativeError(values: Float32Array, original: Float32Array): number {
  let error = 0;
  let size = 0;
  for (let i = 0; i < values.length; i++) {
    error += (values[i]! - original[i]!) ** 2;
    size += original[i]! ** 2;
  }
  return Math.sqrt(error / size);
}
