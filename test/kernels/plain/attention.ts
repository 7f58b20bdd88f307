/** Rotary embedding, KV pages (drawn in abi.ts) and attention over them, in plain TypeScript. */
import { headBlockBytes, type Kernels, PAGE_TOKENS } from "../../../src/core/kernels/abi.ts";
import { exp32, laneSum, nearest } from "./numbers.ts";
import { writeKey, writeValue } from "./page.ts";

const f32 = Math.fround;

export function plainAttention(view: DataView): Pick<Kernels, "rope" | "kvAppend" | "attention"> {
  const getF32 = (at: number): number => view.getFloat32(at, true);
  const setF32 = (at: number, value: number): void => view.setFloat32(at, value, true);
  const page = (pages: number, position: number): number => view.getUint32(pages + (position >> 5) * 4, true);

  /**
   * Scores of the first `count` keys for a query, as 16-bit integers; `block` is where a position's head block lies.
   */
  const scoresOf = (query: number, D: number, count: number, block: (i: number) => number): number[] => {
    // The largest for which a dot product fits 32 bits.
    const limit = Math.min(32767, Math.floor(2 ** 20 / D) - 1);
    let top = 0;
    for (let i = 0; i < D; i++) top = Math.max(top, Math.abs(getF32(query + i * 4)));
    const toInt = top > 0 ? f32(limit / top) : 0;
    const ints = Array.from({ length: D }, (_, i) => nearest(f32(getF32(query + i * 4) * toInt)));
    const queryScale = f32(f32(top / limit) / f32(Math.sqrt(D)));
    return Array.from({ length: count }, (_, i) => {
      const slot = i % PAGE_TOKENS;
      let dot = 0;
      for (let d = 0; d < D; d++) {
        const low = view.getUint8(block(i) + 32 * D + (slot * D + (d & ~31)) / 2 + (d & 15));
        const key = 16 * view.getInt8(block(i) + slot * D + d) + (d & 16 ? low >> 4 : low & 15);
        dot += (ints[d] as number) * key;
      }
      return f32(f32(f32(dot) * queryScale) * getF32(block(i) + 48 * D + slot * 4));
    });
  };
  const expFrom60 = (x: number): number => (x > -60 ? exp32(x) : 0);

  return {
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
      for (let t = 0; t < T; t++) {
        const slot = (position + t) % PAGE_TOKENS;
        for (let g = 0; g < G; g++) {
          const block = page(pages, position + t) + layerOffset + g * headBlockBytes(D);
          const at = (from: number) => (i: number) => getF32(from + (t * stride + g * D + i) * 4);
          writeKey(view, block, slot, D, at(k));
          writeValue(view, block, slot, D, at(v));
        }
      }
    },

    attention(q, stride, T, H, G, D, pages, layerOffset, position, out, outStride) {
      for (let t = 0; t < T; t++) {
        for (let h = 0; h < H; h++) {
          const g = Math.floor(h / (H / G));
          const count = position + t + 1;
          const block = (i: number): number => page(pages, i) + layerOffset + g * headBlockBytes(D);
          const scores = scoresOf(q + (t * stride + h * D) * 4, D, count, block);

          const peak = Math.max(...scores);
          const exps = scores.map((score) => expFrom60(f32(score - peak)));
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
  };
}
