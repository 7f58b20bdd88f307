/**
 * The kernels in ordinary TypeScript: what each one computes, in the order in which it adds. The WASM builds must give
 * the same bits. For reading and for tests; nothing here is fast.
 */
import { f16ToNumber } from "../model/f16.ts";
import { type BlockFormat, type Keep, keptColumns, TILE_BYTES } from "../model/layouts.ts";
import { activationBytes, type Embed, headBlockBytes, type Kernels, type Matmul, PAGE_TOKENS } from "./abi.ts";
import { LUT3, LUT4, lutEmbed, lutSum } from "./plain/lut.ts";
import { nearest } from "./plain/nearest.ts";
import { eachLane } from "./plain/outlier-lanes.ts";
import { q2lutEmbed, q2lutSum } from "./plain/q2lut.ts";

const f32 = Math.fround;
const LIMIT = 8191;
/** Formats that read 14 bits of activation whatever is asked for. */
const ALWAYS_14: ReadonlySet<BlockFormat> = new Set(["q8", "q2lut"]);

/** e^x for |x| ≤ 60 in the f32 steps of wasm/lib/exp.ts. */
function exp32(x: number): number {
  const t = f32(x * f32(Math.LOG2E));
  const n = nearest(t);
  const f = f32(t - n);
  let p = f32(1.32647272e-3);
  for (const c of [9.67151264e-3, 5.550733743e-2, 0.2402224209, 0.6931469776, 1]) p = f32(f32(p * f) + f32(c));
  return f32(p * 2 ** n);
}

/** As in src/model/noise.ts, which this layer does not see. */
function mix(x: number): number {
  let h = x;
  h = Math.imul(h ^ (h >>> 16), 0x21f0aaad);
  h = Math.imul(h ^ (h >>> 15), 0xd35a2d97);
  return h ^ (h >>> 15);
}

const gumbel = (bits: number): number => -Math.log(-Math.log((bits + 0.5) / 2 ** 32));

export function plainKernels(memory: WebAssembly.Memory): Kernels {
  const view = new DataView(memory.buffer);
  const getF32 = (at: number): number => view.getFloat32(at, true);
  const setF32 = (at: number, value: number): void => view.setFloat32(at, value, true);
  const getF16 = (at: number): number => f16ToNumber(view.getUint16(at, true));
  const page = (pages: number, position: number): number => view.getUint32(pages + (position >> 5) * 4, true);

  /** Σ over interleaved lanes, then neighbours: (0 + 1) + (2 + 3), with 16 lanes after vectors of four were added so. */
  const laneSum = (n: number, term: (i: number) => number, width: 4 | 16 = 4): number => {
    const lanes = new Array<number>(width).fill(0);
    for (let i = 0; i < n; i++) lanes[i % width] = f32((lanes[i % width] as number) + term(i));
    const tree = (v: number[]): number => f32(f32(v[0]! + v[1]!) + f32(v[2]! + v[3]!));
    if (width === 4) return tree(lanes);
    return tree([0, 1, 2, 3].map((lane) => tree([0, 4, 8, 12].map((vector) => lanes[vector + lane]!))));
  };

  /** Addresses inside a record (abi.ts), for both widths. */
  const recordParts = (n: number) => {
    const sums = 16 + Math.ceil(n / 32 / 4) * 16;
    const planes = sums + Math.ceil(n / 32 / 4) * 16;
    return {
      sums: 16,
      sums8: sums,
      hi: planes,
      lo: planes + n,
      biased: planes + 2 * n,
      byte: planes + 3 * n,
      words: planes + 4 * n,
    };
  };

  const writeRecord = (n: number, value: (k: number) => number, act: number): void => {
    let top = 0;
    for (let k = 0; k < n; k++) top = Math.max(top, Math.abs(value(k)));
    const toInt = top > 0 ? f32(LIMIT / top) : 0;
    setF32(act, f32(top / LIMIT));
    setF32(act + 4, f32(64 * f32(top / LIMIT)));
    const { sums, sums8, hi, lo, biased, byte, words } = recordParts(n);
    for (let g = 0; g < n / 32; g++) for (const from of [sums, sums8]) setF32(act + from + g * 4, 0);
    for (let k = 0; k < n; k++) {
      const q = nearest(f32(value(k) * toInt));
      const q8 = Math.min(127, (q + 32) >> 6);
      view.setInt8(act + hi + k, q >> 7);
      view.setInt8(act + lo + k, q & 127);
      view.setInt8(act + biased + k, (q >> 7) + 64);
      view.setInt8(act + byte + k, q8);
      view.setInt16(act + words + 2 * k, q, true);
      const group = (k >> 5) * 4;
      setF32(act + sums + group, getF32(act + sums + group) + q);
      setF32(act + sums8 + group, getF32(act + sums8 + group) + q8);
    }
  };

  /** A record as numbers: its scale, and the integer of each column. */
  const readRecord = (act: number, n: number, bits: number): { scale: number; q: number[] } => {
    const { hi, lo, byte } = recordParts(n);
    const q = (k: number): number =>
      bits === 8 ? view.getInt8(act + byte + k) : 128 * view.getInt8(act + hi + k) + view.getInt8(act + lo + k);
    return { scale: getF32(act + (bits === 8 ? 4 : 0)), q: Array.from({ length: n }, (_, k) => q(k)) };
  };

  /** The integers of the columns that a block keeps, zeros up to the format's unit. */
  const gathered = (q: readonly number[], block: number, format: BlockFormat, cols: number, keep: Keep): number[] => {
    if (keep === 16) return [...q];
    const kept = Array.from({ length: (cols / 16) * keep }, (_, i) => {
      return q[Math.floor(i / keep) * 16 + view.getUint8(block + i)] as number;
    });
    return [...kept, ...new Array<number>(keptColumns({ format, rows: 16, cols, keep }) - kept.length).fill(0)];
  };

  const indexBytes = (cols: number, keep: number): number =>
    keep === 16 ? 0 : Math.ceil(((cols / 16) * keep) / 16) * 16;

  /** Walks tokens, rows and blocks; `rowSum` gives Σ weight · q of row r of a block, before the record's scale. */
  const matmul =
    (format: BlockFormat, rowSum: (tiles: number, r: number, q: readonly number[]) => number): Matmul =>
    (act, T, weight, blockBytes, rows, cols, keep, bits, out, outStride, accumulate) => {
      for (let t = 0; t < T; t++) {
        const record = act + t * activationBytes(cols);
        const { scale, q } = readRecord(record, cols, ALWAYS_14.has(format) ? 14 : bits);
        for (let row = 0; row < rows; row++) {
          const block = weight + (row >> 4) * blockBytes;
          const kept = gathered(q, block, format, cols, keep as Keep);
          const at = out + (t * outStride + row) * 4;
          const value = f32(rowSum(block + indexBytes(cols, keep), row & 15, kept) * scale);
          setF32(at, accumulate ? f32(getF32(at) + value) : value);
        }
      }
    };

  /** Σ over groups of 32 columns, in order: f32(dot) · d, and with minima + m · Σq. */
  const groupSum =
    (tileBytes: number, weightAt: (tile: number, r: number, k: number) => number, scales: number, minima?: number) =>
    (tiles: number, row: number, q: readonly number[]): number => {
      const groups = q.length / 32;
      const r = row & 15;
      let acc = 0;
      for (let g = 0; g < groups; g++) {
        const tile = tiles + g * tileBytes;
        let [dot, sum] = [0, 0];
        for (let k = 0; k < 32; k++) {
          const x = q[g * 32 + k] as number;
          dot += weightAt(tile, r, k) * x;
          sum += x;
        }
        let term = f32(f32(dot) * getF16(tile + scales + 2 * r));
        if (minima !== undefined) term = f32(term + f32(getF16(tile + minima + 2 * r) * sum));
        acc = f32(acc + term);
      }
      return acc;
    };

  const nibble = (tile: number, r: number, k: number): number => {
    const byte = view.getUint8(tile + (k >> 3) * 64 + r * 4 + (k & 3));
    return k & 4 ? byte >> 4 : byte & 15;
  };
  const int8 = (tile: number, r: number, k: number): number => view.getInt8(tile + (k >> 2) * 64 + r * 4 + (k & 3));

  const embed =
    (tileBytes: number, valueAt: (tile: number, r: number, k: number) => number): Embed =>
    (weight, blockBytes, row, cols, out) => {
      for (let k = 0; k < cols; k++) {
        const tile = weight + (row >> 4) * blockBytes + (k >> 5) * tileBytes;
        setF32(out + k * 4, valueAt(tile, row & 15, k & 31));
      }
    };

  const argmax = (x: number, n: number): number => {
    let best = 0;
    for (let i = 1; i < n; i++) if (getF32(x + i * 4) > getF32(x + best * 4)) best = i;
    return best;
  };

  return {
    embedQ4u: embed(TILE_BYTES.q4u, (tile, r, k) => {
      return f32(f32(nibble(tile, r, k) * getF16(tile + 256 + 2 * r)) + getF16(tile + 288 + 2 * r));
    }),
    embedQ8: embed(TILE_BYTES.q8, (tile, r, k) => f32(int8(tile, r, k) * getF16(tile + 512 + 2 * r))),

    embedLut4: lutEmbed(view, LUT4),
    embedLut3: lutEmbed(view, LUT3),
    embedQ2lut: q2lutEmbed(view),

    quantise(x, n, T, act) {
      for (let t = 0; t < T; t++) writeRecord(n, (k) => getF32(x + (t * n + k) * 4), act + t * activationBytes(n));
    },

    rmsnormQuantise(x, weight, n, T, epsilon, act) {
      for (let t = 0; t < T; t++) {
        const row = x + t * n * 4;
        const squares = laneSum(n, (k) => f32(getF32(row + k * 4) ** 2), 16);
        const inverse = f32(1 / f32(Math.sqrt(f32(f32(squares / n) + f32(epsilon)))));
        const value = (k: number): number => f32(f32(getF32(row + k * 4) * inverse) * getF32(weight + k * 4));
        writeRecord(n, value, act + t * activationBytes(n));
      }
    },

    swigluQuantise(gateUp, n, T, act) {
      for (let t = 0; t < T; t++) {
        const gate = gateUp + t * 2 * n * 4;
        for (let k = 0; k < n; k++) {
          const g = getF32(gate + k * 4);
          const e = exp32(Math.max(-60, Math.min(60, g)));
          const silu = f32(g * f32(e / f32(1 + e)));
          setF32(gate + k * 4, f32(silu * getF32(gate + (n + k) * 4)));
        }
        writeRecord(n, (k) => getF32(gate + k * 4), act + t * activationBytes(n));
      }
    },

    matmulQ4u: matmul("q4u", groupSum(TILE_BYTES.q4u, nibble, 256, 288)),
    matmulQ8: matmul("q8", groupSum(TILE_BYTES.q8, int8, 512)),
    matmulLut4: matmul("lut4", lutSum(view, LUT4)),
    matmulLut3: matmul("lut3", lutSum(view, LUT3)),
    matmulQ2lut: matmul("q2lut", q2lutSum(view)),

    addOutliers(act, T, table, rows, cols, bits, out, outStride) {
      for (let t = 0; t < T; t++) {
        const { scale, q } = readRecord(act + t * activationBytes(cols), cols, bits);
        const to = out + t * outStride * 4;
        eachLane(view, table, rows, (row, outliers) => {
          let sum = 0;
          for (const { column, value } of outliers) sum = f32(sum + f32(value * (q[column] as number)));
          setF32(to + row * 4, f32(getF32(to + row * 4) + f32(sum * scale)));
        });
      }
    },

    rope(x, heads, D, T, stride, table) {
      for (let t = 0; t < T; t++) {
        for (let h = 0; h < heads; h++) {
          for (let i = 0; i < D / 2; i++) {
            const at = x + (t * stride + h * D + i) * 4;
            const [a, b] = [getF32(at), getF32(at + D * 2)];
            const cos = getF32(table + (t * D + i) * 4);
            const sin = getF32(table + (t * D + D / 2 + i) * 4);
            setF32(at, f32(f32(a * cos) - f32(b * sin)));
            setF32(at + D * 2, f32(f32(b * cos) + f32(a * sin)));
          }
        }
      }
    },

    kvAppend(k, v, stride, T, G, D, pages, layerOffset, position) {
      /** Writes the scale and returns the integers. */
      const quantiseRun = (from: number, limit: number, scale: number): number[] => {
        let top = 0;
        for (let i = 0; i < D; i++) top = Math.max(top, Math.abs(getF32(from + i * 4)));
        setF32(scale, f32(top / limit));
        const toInt = top > 0 ? f32(limit / top) : 0;
        return Array.from({ length: D }, (_, i) => nearest(f32(getF32(from + i * 4) * toInt)));
      };
      for (let t = 0; t < T; t++) {
        const slot = (position + t) % PAGE_TOKENS;
        for (let g = 0; g < G; g++) {
          const block = page(pages, position + t) + layerOffset + g * headBlockBytes(D);
          const keys = quantiseRun(k + (t * stride + g * D) * 4, 2047, block + 48 * D + slot * 4);
          for (const [i, q] of keys.entries()) {
            view.setInt8(block + slot * D + i, q >> 4);
            const low = block + 32 * D + (slot * D + (i & ~31)) / 2 + (i & 15);
            const shift = i & 16 ? 4 : 0;
            view.setUint8(low, (view.getUint8(low) & (shift ? 0x0f : 0xf0)) | ((q & 15) << shift));
          }
          const values = quantiseRun(v + (t * stride + g * D) * 4, 127, block + 80 * D + 128 + slot * 4);
          for (const [i, q] of values.entries()) view.setInt8(block + 48 * D + 128 + slot * D + i, q);
        }
      }
    },

    attention(q, stride, T, H, G, D, pages, layerOffset, position, out, outStride) {
      for (let t = 0; t < T; t++) {
        for (let h = 0; h < H; h++) {
          const g = Math.floor(h / (H / G));
          const query = q + (t * stride + h * D) * 4;
          // The largest for which a dot product fits 32 bits.
          const limit = Math.min(32767, Math.floor(2 ** 20 / D) - 1);
          let top = 0;
          for (let i = 0; i < D; i++) top = Math.max(top, Math.abs(getF32(query + i * 4)));
          const toInt = top > 0 ? f32(limit / top) : 0;
          const ints = Array.from({ length: D }, (_, i) => nearest(f32(getF32(query + i * 4) * toInt)));
          const queryScale = f32(f32(top / limit) / f32(Math.sqrt(D)));

          const count = position + t + 1;
          const block = (i: number): number => page(pages, i) + layerOffset + g * headBlockBytes(D);
          const scores = Array.from({ length: count }, (_, i) => {
            const slot = i % PAGE_TOKENS;
            let dot = 0;
            for (let d = 0; d < D; d++) {
              const low = view.getUint8(block(i) + 32 * D + (slot * D + (d & ~31)) / 2 + (d & 15));
              const key = 16 * view.getInt8(block(i) + slot * D + d) + (d & 16 ? low >> 4 : low & 15);
              dot += (ints[d] as number) * key;
            }
            return f32(f32(f32(dot) * queryScale) * getF32(block(i) + 48 * D + slot * 4));
          });

          const peak = Math.max(...scores);
          const exps = scores.map((score) => (f32(score - peak) > -60 ? exp32(f32(score - peak)) : 0));
          const weights = exps.map((e, i) => f32(e * getF32(block(i) + 80 * D + 128 + (i % PAGE_TOKENS) * 4)));
          const sum = laneSum(count, (i) => weights[i] as number);
          const unit = Math.max(f32(Math.max(...weights) / 32767), f32(sum / 2 ** 24));
          const perUnit = unit > 0 ? f32(1 / unit) : 0;
          const outUnit = f32(unit / laneSum(count, (i) => exps[i] as number));
          for (let d = 0; d < D; d++) {
            let acc = 0;
            for (let i = 0; i < count; i++) {
              const value = view.getInt8(block(i) + 48 * D + 128 + (i % PAGE_TOKENS) * D + d);
              acc += nearest(f32((weights[i] as number) * perUnit)) * value;
            }
            setF32(out + (t * outStride + h * D + d) * 4, f32(f32(acc) * outUnit));
          }
        }
      }
    },

    argmax,

    gumbelArgmax(x, n, ids, scale, floor, a, b) {
      const likeliest = argmax(x, n);
      const top = getF32(x + likeliest * 4);
      const token = (i: number): number => (ids ? view.getUint32(ids + 4 * i, true) : i);
      const noise = (i: number): number => gumbel(mix(mix(token(i) ^ a) + b) >>> 0);
      let winner = likeliest;
      let best = noise(likeliest);
      for (let i = 0; i < n; i++) {
        const v = (getF32(x + i * 4) - top) * scale;
        if (v >= floor && v + noise(i) > best) {
          best = v + noise(i);
          winner = i;
        }
      }
      return winner;
    },

    logSumExp(x, n, scale) {
      const top = getF32(x + argmax(x, n) * 4);
      const e = (i: number): number => exp32(Math.max(-60, f32(f32(getF32(x + i * 4) - top) * f32(scale))));
      return top * scale + Math.log(laneSum(n, e));
    },

    gatherAbove(x, n, cut, out, room) {
      let count = 0;
      for (let i = 0; i < n; i++) {
        if (!(getF32(x + i * 4) >= f32(cut))) continue;
        if (count < room) setF32(out + count * 4, getF32(x + i * 4));
        count++;
      }
      return count;
    },

    relaxedDot: () => 0,
  };
}
