/** What a matmul and an embed compute, for any weight format: tokens, rows and blocks walked in plain TypeScript. */
import { type BlockFormat, FORMATS } from "../../model/formats.ts";
import type { Embed, Matmul } from "../abi.ts";
import { readRecord } from "./record.ts";
import { TWINS } from "./twins.ts";

const f32 = Math.fround;

export function plainMatmul(view: DataView, format: BlockFormat): Matmul {
  const { rowSum } = TWINS[format](view);
  return (act, T, weight, blockBytes, rows, cols, bits, out, outStride, accumulate) => {
    for (let t = 0; t < T; t++) {
      const { scale, q } = readRecord(view, act, t, cols, FORMATS[format].activationBits ?? bits);
      for (let row = 0; row < rows; row++) {
        const block = weight + (row >> 4) * blockBytes;
        const at = out + (t * outStride + row) * 4;
        const value = f32(rowSum(block, row & 15, q) * scale);
        view.setFloat32(at, accumulate ? f32(view.getFloat32(at, true) + value) : value, true);
      }
    }
  };
}

export function plainEmbed(view: DataView, format: BlockFormat): Embed {
  const { weightAt } = TWINS[format](view);
  return (weight, blockBytes, row, cols, out) => {
    const block = weight + (row >> 4) * blockBytes;
    for (let k = 0; k < cols; k++) view.setFloat32(out + k * 4, weightAt(block, row & 15, k, cols), true);
  };
}
