/** Matrices rounded to a weight format; a part is a matrix. */
import type { TensorLayout } from "../../../../core/model/layouts.ts";
import { roundedTensor } from "../../rounding/tensors.ts";
import type { Work } from "./work.ts";

export interface RoundTask {
  readonly kind: "round";
  readonly matrices: readonly {
    readonly layout: TensorLayout;
    /** (rows, cols) */
    readonly values: number;
    /** (rows, cols) */
    readonly sensitivities: number;
    /** `denseBytes` of the layout. */
    readonly out: number;
  }[];
}

export const roundWork: Work<RoundTask> = {
  scratchBytes: () => 0,

  run({ memory }, { matrices }, part) {
    const { layout, values, sensitivities, out } = matrices[part]!;
    const floats = (at: number) => new Float32Array(memory.buffer, at, layout.rows * layout.cols);
    const { bytes } = roundedTensor(layout, floats(values), floats(sensitivities));
    new Uint8Array(memory.buffer, out, bytes.length).set(bytes);
  },
};
