/**
 * The block formats that GGUF files store weights in, and what values they stand for (ggml's block structs).
 * A row of a tensor is a run of blocks; rows are independent, so they can be reordered as bytes.
 * Only reading: packs have their own layouts (layouts.ts, tiles.ts).
 *
 *   F32 F16 BF16   one value
 *   Q4_0   18 B    f16 d · 16 B nibbles                    (nibble − 8) · d
 *   Q4_1   20 B    f16 d · f16 m · 16 B nibbles            nibble · d + m
 *   Q5_0   22 B    f16 d · u32 high bits · 16 B nibbles    (5 bits − 16) · d
 *   Q5_1   24 B    f16 d · f16 m · u32 high bits · 16 B    5 bits · d + m
 *   Q8_0   34 B    f16 d · 32 × int8                       byte · d
 *   Q4_K  144 B    f16 d · f16 dmin · 12 B scales · 128 B nibbles
 *   Q6_K  210 B    128 B low nibbles · 64 B high pairs · 16 × int8 scales · f16 d
 *
 * In the 32-value blocks byte j holds value j in its low nibble and value j + 16 in its high one.
 */
import { OutriderError } from "./errors.ts";
import { bf16ToNumber, f16ToNumber } from "./f16.ts";

export type BlockType = "F32" | "F16" | "BF16" | "Q4_0" | "Q4_1" | "Q5_0" | "Q5_1" | "Q8_0" | "Q4_K" | "Q6_K";

interface BlockLayout {
  /** ggml's number of the type, as files store it. */
  readonly id: number;
  /** Values in one block. */
  readonly values: number;
  /** Bytes of one block. */
  readonly bytes: number;
}

export const BLOCKS: Readonly<Record<BlockType, BlockLayout>> = {
  F32: { id: 0, values: 1, bytes: 4 },
  F16: { id: 1, values: 1, bytes: 2 },
  BF16: { id: 30, values: 1, bytes: 2 },
  Q4_0: { id: 2, values: 32, bytes: 18 },
  Q4_1: { id: 3, values: 32, bytes: 20 },
  Q5_0: { id: 6, values: 32, bytes: 22 },
  Q5_1: { id: 7, values: 32, bytes: 24 },
  Q8_0: { id: 8, values: 32, bytes: 34 },
  Q4_K: { id: 12, values: 256, bytes: 144 },
  Q6_K: { id: 14, values: 256, bytes: 210 },
};

/** Bytes of `values` consecutive values. Throws `invalid_shape` unless they fill whole blocks. */
export function blockBytes(type: BlockType, values: number): number {
  const layout = BLOCKS[type];
  if (values % layout.values !== 0) {
    throw new OutriderError(
      "invalid_shape",
      `${type} holds values in blocks of ${layout.values}, got ${values} values`,
    );
  }
  return (values / layout.values) * layout.bytes;
}

/**
 * The `count` f32 values that the blocks stand for, rounded once as ggml's own dequantisers do.
 * Throws `invalid_shape` when the bytes are not exactly those of `count` values.
 */
export function dequantise(type: BlockType, bytes: Uint8Array, count: number): Float32Array {
  const expected = blockBytes(type, count);
  if (bytes.length !== expected) {
    throw new OutriderError("invalid_shape", `${count} values of ${type} are ${expected} bytes, got ${bytes.length}`);
  }
  const out = new Float32Array(count);
  READERS[type](new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength), out);
  return out;
}

type Reader = (view: DataView, out: Float32Array) => void;

const READERS: Record<BlockType, Reader> = {
  F32(view, out) {
    for (let n = 0; n < out.length; n++) out[n] = view.getFloat32(4 * n, true);
  },
  F16(view, out) {
    for (let n = 0; n < out.length; n++) out[n] = f16ToNumber(view.getUint16(2 * n, true));
  },
  BF16(view, out) {
    for (let n = 0; n < out.length; n++) out[n] = bf16ToNumber(view.getUint16(2 * n, true));
  },
  Q4_0(view, out) {
    for (let n = 0, at = 0; n < out.length; n += 32, at += 18) {
      const d = f16ToNumber(view.getUint16(at, true));
      for (let j = 0; j < 16; j++) {
        const byte = view.getUint8(at + 2 + j);
        out[n + j] = ((byte & 15) - 8) * d;
        out[n + j + 16] = ((byte >> 4) - 8) * d;
      }
    }
  },
  Q4_1(view, out) {
    for (let n = 0, at = 0; n < out.length; n += 32, at += 20) {
      const d = f16ToNumber(view.getUint16(at, true));
      const m = f16ToNumber(view.getUint16(at + 2, true));
      for (let j = 0; j < 16; j++) {
        const byte = view.getUint8(at + 4 + j);
        out[n + j] = (byte & 15) * d + m;
        out[n + j + 16] = (byte >> 4) * d + m;
      }
    }
  },
  Q5_0(view, out) {
    for (let n = 0, at = 0; n < out.length; n += 32, at += 22) {
      const d = f16ToNumber(view.getUint16(at, true));
      const high = view.getUint32(at + 2, true);
      for (let j = 0; j < 16; j++) {
        const byte = view.getUint8(at + 6 + j);
        out[n + j] = (((byte & 15) | (((high >>> j) & 1) << 4)) - 16) * d;
        out[n + j + 16] = (((byte >> 4) | (((high >>> (j + 16)) & 1) << 4)) - 16) * d;
      }
    }
  },
  Q5_1(view, out) {
    for (let n = 0, at = 0; n < out.length; n += 32, at += 24) {
      const d = f16ToNumber(view.getUint16(at, true));
      const m = f16ToNumber(view.getUint16(at + 2, true));
      const high = view.getUint32(at + 4, true);
      for (let j = 0; j < 16; j++) {
        const byte = view.getUint8(at + 8 + j);
        out[n + j] = ((byte & 15) | (((high >>> j) & 1) << 4)) * d + m;
        out[n + j + 16] = ((byte >> 4) | (((high >>> (j + 16)) & 1) << 4)) * d + m;
      }
    }
  },
  Q8_0(view, out) {
    for (let n = 0, at = 0; n < out.length; n += 32, at += 34) {
      const d = f16ToNumber(view.getUint16(at, true));
      for (let j = 0; j < 32; j++) out[n + j] = view.getInt8(at + 2 + j) * d;
    }
  },
  // Eight groups of 32 with a 6-bit scale and minimum each, packed crosswise into 12 bytes.
  Q4_K(view, out) {
    for (let n = 0, at = 0; n < out.length; n += 256, at += 144) {
      const d = f16ToNumber(view.getUint16(at, true));
      const dmin = f16ToNumber(view.getUint16(at + 2, true));
      for (let group = 0; group < 8; group++) {
        const s = at + 4 + group;
        let scale: number;
        let minimum: number;
        if (group < 4) {
          scale = view.getUint8(s) & 63;
          minimum = view.getUint8(s + 4) & 63;
        } else {
          scale = (view.getUint8(s + 4) & 15) | ((view.getUint8(s - 4) >> 6) << 4);
          minimum = (view.getUint8(s + 4) >> 4) | ((view.getUint8(s) >> 6) << 4);
        }
        const shift = (group & 1) * 4;
        const nibbles = at + 16 + (group >> 1) * 32;
        for (let j = 0; j < 32; j++) {
          out[n + group * 32 + j] = ((view.getUint8(nibbles + j) >> shift) & 15) * (d * scale) - dmin * minimum;
        }
      }
    }
  },
  // Two halves of 128; in each, byte l of `low` and of `high` serves the values l, l + 32, l + 64 and l + 96.
  Q6_K(view, out) {
    for (let n = 0, at = 0; n < out.length; n += 256, at += 210) {
      const d = f16ToNumber(view.getUint16(at + 208, true));
      for (let quarter = 0; quarter < 8; quarter++) {
        const half = quarter >> 2;
        const part = quarter & 3;
        const low = at + half * 64 + (part & 1) * 32;
        const high = at + 128 + half * 32;
        const lowShift = (part >> 1) * 4;
        for (let l = 0; l < 32; l++) {
          const bits =
            ((view.getUint8(low + l) >> lowShift) & 15) | (((view.getUint8(high + l) >> (part * 2)) & 3) << 4);
          const scale = view.getInt8(at + 192 + half * 8 + part * 2 + (l >> 4));
          out[n + quarter * 32 + l] = (bits - 32) * (d * scale);
        }
      }
    }
  },
};
