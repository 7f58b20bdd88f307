/** The bias of q, k and v, and the norm of each head of q and k, in plain TypeScript. */
import type { Kernels } from "../abi.ts";
import { type Floats, floatsAfter } from "../address.ts";
import { laneSum } from "./numbers.ts";

const f32 = Math.fround;

export function plainQkv(view: DataView): Pick<Kernels, "addBias" | "normHeads"> {
  const get = (at: Floats): number => view.getFloat32(at, true);

  return {
    addBias(x, bias, n, T, stride) {
      for (let t = 0; t < T; t++) {
        for (let i = 0; i < n; i++) {
          const at = floatsAfter(x, t * stride + i);
          view.setFloat32(at, get(at) + get(floatsAfter(bias, i)), true);
        }
      }
    },

    normHeads(x, weight, heads, D, T, stride, epsilon) {
      for (let t = 0; t < T; t++) {
        for (let h = 0; h < heads; h++) {
          const head = floatsAfter(x, t * stride + h * D);
          const squares = laneSum(D, (i) => f32(get(floatsAfter(head, i)) ** 2), 16);
          const inverse = f32(1 / f32(Math.sqrt(f32(f32(squares / D) + f32(epsilon)))));
          for (let i = 0; i < D; i++) {
            const at = floatsAfter(head, i);
            view.setFloat32(at, f32(get(at) * inverse) * get(floatsAfter(weight, i)), true);
          }
        }
      }
    },
  };
}
