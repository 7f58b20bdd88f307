/** What a matmul and an embed compute, for any weight format: tokens, rows and blocks walked in plain TypeScript. */
import type { Embed, Matmul } from "../../../src/core/kernels/abi.ts";
import { decodeRow } from "../../../src/core/model/decode.ts";
import { BLOCK_ROWS } from "../../../src/core/model/formats/format.ts";
import { type BlockFormat, FORMATS } from "../../../src/core/model/formats.ts";
import { blockParts } from "../../../src/core/model/layouts.ts";
import { readRecord } from "./record.ts";
import { ROW_SUMS } from "./row-sums.ts";

const f32 = Math.fround;

/** Where row `row` of a matrix of `cols` columns lies. */
function rowAt(view: DataView, format: BlockFormat, weight: number, blockBytes: number, row: number, cols: number) {
  const tiles = weight + Math.floor(row / BLOCK_ROWS) * blockBytes;
  const { codebook } = blockParts({ format, rows: BLOCK_ROWS, cols });
  return { view, tiles, codebook: tiles + codebook, r: row % BLOCK_ROWS, cols };
}

export function plainMatmul(view: DataView, format: BlockFormat): Matmul {
  const bytes = new Uint8Array(view.buffer);
  const { codes, activationBits } = FORMATS[format];
  return (act, T, weight, blockBytes, rows, cols, bits, out, outStride, accumulate) => {
    for (let t = 0; t < T; t++) {
      const { scale, q } = readRecord(view, act, t, cols, activationBits ?? bits);
      for (let row = 0; row < rows; row++) {
        const own = rowAt(view, format, weight, blockBytes, row, cols);
        const codeOf = (k: number): number => codes.read(bytes, own.tiles, own.r, k, cols);
        const at = out + (t * outStride + row) * 4;
        const value = f32(ROW_SUMS[format](own, codeOf, q) * scale);
        view.setFloat32(at, accumulate ? f32(view.getFloat32(at, true) + value) : value, true);
      }
    }
  };
}

export function plainEmbed(view: DataView, format: BlockFormat): Embed {
  return (weight, blockBytes, row, cols, out) => {
    const values = new Float32Array(cols);
    decodeRow(format, rowAt(view, format, weight, blockBytes, row, cols), values);
    for (const [k, value] of values.entries()) view.setFloat32(out + k * 4, value, true);
  };
}
