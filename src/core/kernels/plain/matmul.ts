/** What a matmul and an embed compute, for any weight format: tokens, rows and blocks walked in plain TypeScript. */
import { type BlockFormat, FORMATS } from "../../model/formats.ts";
import { blockParts, keptColumns, type TensorLayout, WINDOW } from "../../model/layouts.ts";
import type { Embed, Matmul } from "../abi.ts";
import { readRecord } from "./record.ts";
import { TWINS } from "./twins.ts";

const f32 = Math.fround;

export function plainMatmul(view: DataView, format: BlockFormat): Matmul {
  const { rowSum } = TWINS[format](view);
  return (act, T, weight, blockBytes, rows, cols, keep, bits, out, outStride, accumulate) => {
    const layout: TensorLayout = { format, rows, cols, keep };
    const { tiles } = blockParts(layout);
    for (let t = 0; t < T; t++) {
      const { scale, q } = readRecord(view, act, t, cols, FORMATS[format].activationBits ?? bits);
      for (let row = 0; row < rows; row++) {
        const block = weight + (row >> 4) * blockBytes;
        const at = out + (t * outStride + row) * 4;
        const value = f32(rowSum(block + tiles, row & 15, gathered(view, q, block, layout)) * scale);
        view.setFloat32(at, accumulate ? f32(view.getFloat32(at, true) + value) : value, true);
      }
    }
  };
}

/** The integers of the columns that a block keeps, with zeros up to the format's unit. */
function gathered(view: DataView, q: readonly number[], block: number, layout: TensorLayout): readonly number[] {
  const { cols, keep = 16 } = layout;
  if (keep === 16) return q;
  const kept = new Array<number>(keptColumns(layout)).fill(0);
  for (let i = 0; i < (cols / WINDOW) * keep; i++) {
    kept[i] = q[Math.floor(i / keep) * WINDOW + view.getUint8(block + i)]!;
  }
  return kept;
}

export function plainEmbed(view: DataView, format: BlockFormat): Embed {
  const { weightAt } = TWINS[format](view);
  return (weight, blockBytes, row, cols, out) => {
    const block = weight + (row >> 4) * blockBytes;
    for (let k = 0; k < cols; k++) view.setFloat32(out + k * 4, weightAt(block, row & 15, k, cols), true);
  };
}
