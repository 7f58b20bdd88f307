/** What each block of a pack has lost: the distance of its matrices from the original's. */
import { evenWidth } from "../../core/format/even-width.ts";
import type { PackedModel, PackedTensor } from "../../core/format/pack.ts";
import { decodeTensor } from "../../core/model/decode.ts";
import { type BlockSuffix, blockSuffixes, blockTensor } from "../../core/model/tensors.ts";
import { blockOrigins } from "./origins.ts";

export interface BlockLoss {
  /** The block's number in the original. */
  readonly origin: number;
  /** ‖W − original‖ / ‖original‖ (Frobenius) of each matrix; absent where the block has another shape. */
  readonly errors?: ReadonlyMap<BlockSuffix, number>;
}

export interface Analysis {
  /** Undefined when the blocks of the original cannot be identified. */
  readonly blocks: readonly BlockLoss[] | undefined;
  /** Share of zeros among the weights of block matrices. */
  readonly zeros: number;
}

export function analyse(model: PackedModel, original: PackedModel): Analysis {
  const { layers } = model.config;
  const origins = blockOrigins(model, original);
  const even = evenWidth(original);
  const blocks: BlockLoss[] = [];
  let zeros = 0;
  let weights = 0;
  for (let layer = 0; layer < layers; layer++) {
    const block = matricesOf(model, layer);
    for (const { values } of block.values()) {
      for (const value of values) if (value === 0) zeros++;
      weights += values.length;
    }
    if (origins) blocks.push({ origin: origins[layer]!, ...lossOf(block, matricesOf(even, origins[layer]!)) });
  }
  return { blocks: origins && blocks, zeros: zeros / weights };
}

type Matrix = Pick<PackedTensor, "rows" | "cols"> & { readonly values: Float32Array };

function matricesOf({ config, tensors }: PackedModel, layer: number): Map<BlockSuffix, Matrix> {
  const block = new Map<BlockSuffix, Matrix>();
  for (const suffix of blockSuffixes(config)) {
    const tensor = tensors.get(blockTensor(layer, suffix))!;
    const { rows, cols } = tensor;
    if (rows > 1) block.set(suffix, { rows, cols, values: decodeTensor(tensor, tensor.bytes) });
  }
  return block;
}

function lossOf(
  block: ReadonlyMap<BlockSuffix, Matrix>,
  original: ReadonlyMap<BlockSuffix, Matrix>,
): Pick<BlockLoss, "errors"> {
  const pairs = [...block].map(([suffix, own]) => [suffix, own, original.get(suffix)!] as const);
  if (pairs.some(([, own, other]) => own.rows !== other.rows || own.cols !== other.cols)) return {};
  return { errors: new Map(pairs.map(([suffix, own, other]) => [suffix, relativeError(own.values, other.values)])) };
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
