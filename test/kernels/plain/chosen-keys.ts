/** Scores of an index, the choice among them, and keys side by side (drawn in abi.ts), in plain TypeScript. */
import { headBlockBytes, type Kernels, PAGE_TOKENS } from "../../../src/core/kernels/abi.ts";
import { floatsAfter } from "../../../src/core/kernels/address.ts";
import { nearest } from "./numbers.ts";

const f32 = Math.fround;
const STEPS = 12;

export function plainChosenKeys(view: DataView): Pick<Kernels, "scoreRows" | "chooseBest" | "gatherKeys"> {
  const get = (at: number): number => view.getFloat32(at, true);

  return {
    scoreRows(probes, heads, W, indexes, offset, pages, out) {
      for (let h = 0; h < heads; h++) {
        const probe = Array.from({ length: W }, (_, i) => get(floatsAfter(probes, h * W + i)));
        const top = Math.max(...probe.map(Math.abs));
        const toInt = top > 0 ? f32(63 / top) : 0;
        const ints = probe.map((value) => nearest(f32(value * toInt)));
        const scores = Array.from({ length: pages * PAGE_TOKENS }, (_, i) => {
          const index = view.getUint32(indexes + 4 * Math.floor(i / PAGE_TOKENS), true) + offset;
          const row = i % PAGE_TOKENS;
          const q = (c: number): number => view.getInt8(index + (c >> 2) * PAGE_TOKENS * 4 + row * 4 + (c & 3));
          const dot = ints.reduce((sum, int, c) => sum + int * q(c), 0);
          return f32(f32(dot * get(index + PAGE_TOKENS * W + row * 4)) * f32(top / 63));
        });
        const peak = Math.max(...scores);
        for (const [i, score] of scores.entries()) {
          const below = f32(score - peak);
          const at = floatsAfter(out, i);
          view.setFloat32(at, h === 0 ? below : Math.max(get(at), below), true);
        }
      }
    },

    chooseBest(scores, n, reach, most, out) {
      if (n === 0 || most <= 0) return 0;
      const all = Array.from({ length: n }, (_, i) => get(floatsAfter(scores, i)));
      const top = Math.max(...all);
      const countFrom = (cut: number): number => all.filter((score) => score >= cut).length;
      let cut = Math.max(f32(top - f32(reach)), Math.min(...all));
      if (countFrom(cut) > most) {
        let low = cut;
        let high = top;
        for (let step = 0; step < STEPS; step++) {
          const middle = f32(low + f32(f32(high - low) * 0.5));
          if (countFrom(middle) > most) low = middle;
          else high = middle;
        }
        cut = high;
      }
      const chosen = all.flatMap((score, i) => (score >= cut ? [i] : [])).slice(0, most);
      for (const [n, i] of chosen.entries()) view.setInt32(out + 4 * n, i, true);
      return chosen.length;
    },

    gatherKeys(positions, count, D, pages, blockOffset, out) {
      const bytes = new Uint8Array(view.buffer);
      // Where a head block has something of each token, and bytes of a token there.
      const parts = [
        [0, D],
        [32 * D, D / 2],
        [48 * D, 4],
        [48 * D + 128, D],
        [80 * D + 128, 4],
      ] as const;
      for (let i = 0; i < count; i++) {
        const position = view.getInt32(positions + 4 * i, true);
        const from = view.getUint32(pages + (position >> 5) * 4, true) + blockOffset;
        const to = out + headBlockBytes(D) * Math.floor(i / PAGE_TOKENS);
        for (const [part, each] of parts) {
          const start = from + part + (position % PAGE_TOKENS) * each;
          bytes.copyWithin(to + part + (i % PAGE_TOKENS) * each, start, start + each);
        }
      }
    },
  };
}
