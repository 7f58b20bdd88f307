/**
 * q2had: codes of two bits in the basis of rotation.ts. All rows share four levels, and each row has a scale. Its matmul
 * rotates the integers of an activation, exactly, and looks products up in tables of them, after T-MAC (Wei et al. 2024,
 * arXiv 2407.00088, §3).
 *
 *   q2had 16 bytes for 16 rows × 4 columns   value = scale[row] · level[code], code of 2 bits
 *         byte 2i: row i, byte 2i + 1: row 8 + i; columns k, k + 1 in the low half (code k | code k+1 << 2),
 *         columns k + 2, k + 3 in the high half
 *         codebook of a block: 4 × f32 level, then 16 × f32 scale
 *
 * In that basis weights are distributed normally, in whatever matrix. So all have the same levels, and matrices that
 * are joined share their tables. Its matmul reads 14 bits of every activation: eight would take as long.
 */
import { codesInOneByte, type Format } from "./format.ts";
import { finite } from "./parts.ts";
import { ROTATED_COLS, rotate } from "./rotation.ts";
import { tableBytes } from "./table-bytes.ts";

/** Bytes of a block's four columns, and the bytes of its codebook at which levels and scales start. */
export const Q2HAD = { columnsBytes: 16, levels: 0, scales: 16 } as const;

/**
 * The four that lose least of a normal distribution, as shares of the largest (Max 1960, Quantizing for minimum
 * distortion, table I). Levels fitted to a matrix of Qwen2.5-0.5B lose hardly less (docs/record/log.md).
 */
export const NORMAL_LEVELS = [-1, -0.2998, 0.2998, 1] as const;

const LEVELS = NORMAL_LEVELS.length;

export const q2had: Format = {
  unit: ROTATED_COLS,
  unitBytes: (ROTATED_COLS / 4) * Q2HAD.columnsBytes,
  codebookBytes: Q2HAD.scales + 4 * 16,
  sharedBytes: Q2HAD.scales,
  maxCols: Number.POSITIVE_INFINITY,
  activationBits: 14,
  // 16 bytes of entries for each two columns.
  tableBytes: tableBytes(ROTATED_COLS, 8),
  codes: codesInOneByte(
    2,
    (r, k) => (k >> 2) * Q2HAD.columnsBytes + 2 * (r & 7) + (r >> 3),
    (k) => 2 * (k & 3),
  ),
  rotate,
  writeRow({ view, codebook, r }, { row, rows, take }) {
    const levels = take("levels", LEVELS);
    for (let i = 0; i < LEVELS; i++) {
      view.setFloat32(codebook + Q2HAD.levels + 4 * i, finite(levels[i]!, "level", row), true);
    }
    const scale = finite(take("scales", rows)[row]!, "scale", row);
    view.setFloat32(codebook + Q2HAD.scales + 4 * r, scale, true);
  },
  valuesOf({ view, codebook, r }) {
    const scale = view.getFloat32(codebook + Q2HAD.scales + 4 * r, true);
    return (code) => Math.fround(scale * view.getFloat32(codebook + Q2HAD.levels + 4 * code, true));
  },
  rowShares: (_cols, codebook) => [{ at: codebook + Q2HAD.scales, bytes: 4 }],
};
