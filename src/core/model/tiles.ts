/**
 * GGUF blocks into a pack's tiles (blocks.ts, formats/q4u.ts and formats/q8.ts draw them).
 * GGUF's Q4_0, Q4_1 and Q8_0 rows only move: every nibble, byte and f16 scale is the same afterwards. The five bits of
 * Q5_0 become bytes.
 */
import { readFiveBits } from "./blocks/legacy.ts";
import { type BlockType, blockBytes } from "./blocks.ts";
import { OutriderError } from "./errors.ts";
import { f16ToNumber, numberToF16 } from "./f16.ts";
import { BLOCK_ROWS, TILE_COLS } from "./formats/format.ts";
import { Q4U } from "./formats/q4u.ts";
import { Q8 } from "./formats/q8.ts";
import { FORMATS } from "./formats.ts";
import { tensorBytes } from "./layouts.ts";

/** The formats that hold a block type exactly. */
const EXACT = { Q4_0: "q4u", Q4_1: "q4u", Q5_0: "q8", Q8_0: "q8" } as const satisfies Partial<
  Record<BlockType, string>
>;
type ExactType = keyof typeof EXACT;

export const isExact = (type: BlockType): type is ExactType => type in EXACT;

/** The format that holds a block type exactly, if there is one. */
export const exactFormat = (type: BlockType): "q4u" | "q8" | undefined => (isExact(type) ? EXACT[type] : undefined);

/** Reorders rows of `rowBytes` each: row r of the result is row `order[r]` of `bytes`. Works on any row-wise format. */
export function permuteRows(bytes: Uint8Array, rowBytes: number, order: ArrayLike<number>): Uint8Array {
  const out = new Uint8Array(order.length * rowBytes);
  for (let row = 0; row < order.length; row++) {
    const from = order[row]! * rowBytes;
    out.set(bytes.subarray(from, from + rowBytes), row * rowBytes);
  }
  return out;
}

/**
 * Tiles a (rows × cols) matrix of Q4_0, Q4_1 (→ q4u), Q5_0 or Q8_0 (→ q8) without changing a value.
 * Throws `bad_weights` at a scale that is not a finite number, `invalid_shape` when bytes and shape disagree.
 */
export function tileBlocks(type: ExactType, bytes: Uint8Array, rows: number, cols: number): Uint8Array {
  const rowBytes = blockBytes(type, cols);
  if (bytes.length !== rows * rowBytes) {
    throw new OutriderError(
      "invalid_shape",
      `${rows} × ${cols} of ${type} are ${rows * rowBytes} bytes, got ${bytes.length}`,
    );
  }
  const format = EXACT[type];
  const out = new Uint8Array(tensorBytes({ format, rows, cols }));
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const outView = new DataView(out.buffer);
  const groups = cols / TILE_COLS;
  const blockSize = rowBytes / groups;
  const quants = type === "Q4_1" ? 4 : 2;
  for (let row = 0; row < rows; row++) {
    const r = row % BLOCK_ROWS;
    for (let group = 0; group < groups; group++) {
      const block = row * rowBytes + group * blockSize;
      const tile = tileOffset(format, row, group, groups);
      const d = view.getUint16(block, true);
      const m = type === "Q4_1" ? view.getUint16(block + 2, true) : type === "Q4_0" ? minusEight(d) : 0;
      if ((d & 0x7c00) === 0x7c00 || (m & 0x7c00) === 0x7c00) {
        throw new OutriderError(
          "bad_weights",
          `row ${row}, columns ${group * TILE_COLS}…: the scale is not a finite f16`,
        );
      }
      if (format === "q8") {
        const codes = type === "Q5_0" ? fiveBits(view, block + quants) : bytes.subarray(block + quants);
        const sum = moveBytes(codes, out, tile + r * 4);
        outView.setUint16(tile + Q8.d + 2 * r, d, true);
        outView.setInt16(tile + Q8.sums + 2 * r, sum, true);
      } else {
        moveNibbles(bytes, block + quants, out, tile + r * 4);
        outView.setUint16(tile + Q4U.d + 2 * r, d, true);
        outView.setUint16(tile + Q4U.m + 2 * r, m, true);
      }
    }
  }
  return out;
}

/** f16 bits of −8 · d: exact, because f16 only runs out of range upwards. */
const minusEight = (d: number): number => numberToF16(-8 * f16ToNumber(d));

/** Byte offset of the tile that holds `row` and column group `group`. */
function tileOffset(format: "q4u" | "q8", row: number, group: number, groups: number): number {
  return (Math.floor(row / BLOCK_ROWS) * groups + group) * FORMATS[format].unitBytes;
}

/** One row of a q8 tile: columns 4c … 4c + 3 go to `to + 64c`. Returns the sum of the bytes, signed. */
function moveBytes(from: Uint8Array, out: Uint8Array, to: number): number {
  let sum = 0;
  for (let k = 0; k < TILE_COLS; k++) {
    const byte = from[k]!;
    out[to + (k >> 2) * 64 + (k & 3)] = byte;
    sum += (byte << 24) >> 24;
  }
  return sum;
}

/** The 32 codes of a Q5_0 block, −16 … 15, as bytes. */
function fiveBits(view: DataView, at: number): Uint8Array {
  const codes = new Uint8Array(TILE_COLS);
  readFiveBits(view, at, codes, 0);
  return codes.map((code) => code - 16);
}

/**
 * One row of a q4u tile, from GGUF's order (byte j: values j and j + 16) to ours (low half column 8g + j, high 8g + 4
 * + j).
 */
function moveNibbles(from: Uint8Array, at: number, out: Uint8Array, to: number): void {
  for (let g = 0; g < 2; g++) {
    for (let j = 0; j < 4; j++) {
      const a = from[at + 8 * g + j]!;
      const b = from[at + 8 * g + 4 + j]!;
      out[to + g * 64 + j] = (a & 15) | ((b & 15) << 4);
      out[to + (g + 2) * 64 + j] = (a >> 4) | (b & 0xf0);
    }
  }
}
