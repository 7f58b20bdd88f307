/** Types without blocks: one value at a time. */
import { bf16ToNumber, f16ToNumber } from "../f16.ts";
import type { BlockLayout } from "./block.ts";

export const f32: BlockLayout = {
  id: 0,
  values: 1,
  bytes: 4,
  read(view, at, out, n) {
    out[n] = view.getFloat32(at, true);
  },
};

export const f16: BlockLayout = {
  id: 1,
  values: 1,
  bytes: 2,
  read(view, at, out, n) {
    out[n] = f16ToNumber(view.getUint16(at, true));
  },
};

export const bf16: BlockLayout = {
  id: 30,
  values: 1,
  bytes: 2,
  read(view, at, out, n) {
    out[n] = bf16ToNumber(view.getUint16(at, true));
  },
};
