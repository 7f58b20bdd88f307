/** The new tensors of a block, as a solver returns them and as they are kept on disk until all blocks are solved. */
import { withPadding } from "../../../../core/format/even-width.ts";
import type { PackedModel, PackedTensor } from "../../../../core/format/pack.ts";
import { decodeTensor } from "../../../../core/model/decode.ts";
import { type BlockSuffix, blockTensor } from "../../../../core/model/tensors.ts";
import type { FloatLlama } from "../float-llama.ts";
import { blockMatrices } from "../passes/shape.ts";

/** The tensors of a block that change. */
export type Solution = ReadonlyMap<BlockSuffix, PackedTensor>;

/** Puts a block's tensors among those of its model, by name. */
export function addSolution(tensors: Map<string, PackedTensor>, layer: number, solution: Solution): void {
  for (const [suffix, tensor] of solution) tensors.set(blockTensor(layer, suffix), tensor);
}

/** Replaces a block's weights in `llama`, where all blocks have the width of the widest. */
export function putSolution(llama: FloatLlama, layer: number, solution: Solution): void {
  for (const [suffix, tensor] of solution) {
    const { rows, cols } = blockMatrices(llama.config).tensors[suffix];
    const values = decodeTensor(tensor, tensor.bytes);
    const fits = tensor.rows === rows && tensor.cols === cols;
    llama.setWeights(layer, suffix, fits ? values : withPadding(values, tensor.cols, rows, cols));
  }
}

/** The new tensors of a model by name, each block solved by itself. */
export async function solveBlocks(
  { config }: PackedModel,
  solve: (layer: number) => Solution | Promise<Solution>,
): Promise<Map<string, PackedTensor>> {
  const tensors = new Map<string, PackedTensor>();
  for (let layer = 0; layer < config.layers; layer++) addSolution(tensors, layer, await solve(layer));
  return tensors;
}

/** A line of JSON that describes the tensors, then their bytes end to end. */
export function encodeSolution(solution: Solution): Uint8Array {
  const entries = [...solution].map(([suffix, { bytes, ...layout }]) => ({ suffix, layout, bytes: bytes.length }));
  const parts = [Buffer.from(`${JSON.stringify(entries)}\n`), ...[...solution.values()].map(({ bytes }) => bytes)];
  return Buffer.concat(parts);
}

export function decodeSolution(kept: Uint8Array): Solution {
  let at = kept.indexOf(0x0a) + 1;
  const entries: { suffix: BlockSuffix; layout: Omit<PackedTensor, "bytes">; bytes: number }[] = JSON.parse(
    new TextDecoder().decode(kept.subarray(0, at)),
  );
  return new Map(
    entries.map(({ suffix, layout, bytes }) => {
      const own = kept.slice(at, (at += bytes));
      return [suffix, { ...layout, bytes: own }];
    }),
  );
}
