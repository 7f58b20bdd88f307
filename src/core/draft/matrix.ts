/** Matrices in WASM memory: where they lie, and which of them the kernels can take as one. */
import type { PackHeader } from "../format/pack-header.ts";
import { FORMAT_KERNELS, type Kernels } from "../kernels/abi.ts";
import type { Blocks, Bytes, Floats, OutlierTables, Records, Workspace } from "../kernels/address.ts";
import { type ActivationBits, BLOCK_ROWS } from "../model/formats/format.ts";
import type { BlockFormat } from "../model/formats.ts";
import { blockParts, OUTLIER_ROWS } from "../model/layouts.ts";
import type { MemoryPlan } from "./memory-plan.ts";

export interface Matrix {
  readonly address: Blocks;
  readonly format: BlockFormat;
  readonly rows: number;
  readonly cols: number;
  readonly blockBytes: Bytes;
  readonly outliers?: { readonly address: OutlierTables; readonly bytes: number } | undefined;
}

/** Tensor `name` of a pack that lies in `plan`. */
export function matrixOf(header: PackHeader, plan: MemoryPlan, name: string): Matrix {
  const tensor = header.tensors[name]!;
  const address = plan.tensors.get(name)!;
  const { outliers } = tensor;
  return {
    address,
    format: tensor.format as BlockFormat,
    rows: tensor.rows,
    cols: tensor.cols,
    blockBytes: blockParts(tensor).bytes,
    outliers: outliers && { address: plan.outliers.get(name)!, bytes: outliers.bytes },
  };
}

/** The same rows in fewer pieces: whole blocks of one layout that lie end to end are one matrix. */
export function joinMatrices(matrices: readonly Matrix[]): Matrix[] {
  const joined: Matrix[] = [];
  for (const next of matrices) {
    const last = joined.at(-1);
    if (last && follows(last, next)) joined[joined.length - 1] = join(last, next);
    else joined.push(next);
  }
  return joined;
}

function follows(last: Matrix, next: Matrix): boolean {
  const alike = (["format", "cols", "blockBytes"] as const).every((key) => last[key] === next[key]);
  const end = last.address + (last.rows / BLOCK_ROWS) * last.blockBytes;
  if (!alike || end !== next.address || last.rows % (last.outliers ? OUTLIER_ROWS : BLOCK_ROWS) !== 0) return false;
  return (last.outliers && last.outliers.address + last.outliers.bytes) === next.outliers?.address;
}

function join(last: Matrix, next: Matrix): Matrix {
  const { outliers } = last;
  const bytes = (outliers?.bytes ?? 0) + (next.outliers?.bytes ?? 0);
  return { ...last, rows: last.rows + next.rows, outliers: outliers && { ...outliers, bytes } };
}

/** out[t][r] (+)= Σ_k m[r][k] · x[t][k] for the T records at `act`; `stride` in floats. */
export function multiplyMatrix(
  kernels: Kernels,
  m: Matrix,
  bits: ActivationBits,
  act: Records,
  T: number,
  out: Floats,
  stride: number,
  accumulate: 0 | 1,
  scratch: Workspace,
): void {
  const matmul = kernels[FORMAT_KERNELS[m.format].matmul];
  matmul(act, T, m.address, m.blockBytes, m.rows, m.cols, bits, out, stride, accumulate, scratch);
  if (m.outliers) kernels.addOutliers(act, T, m.outliers.address, m.rows, m.cols, bits, out, stride, scratch);
}

/** out (cols) = row `row` of a matrix. */
export function embedRow(kernels: Kernels, m: Matrix, row: number, out: Floats): void {
  kernels[FORMAT_KERNELS[m.format].embed](m.address, m.blockBytes, row, m.cols, out);
}
