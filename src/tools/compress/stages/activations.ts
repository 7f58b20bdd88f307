/**
 * The stage that sets the number of bits in which activations enter a model's matrices. Eight bits are faster, by how
 * much depends on the CPU. They suit a draft, which may be wrong, and cost it few accepted tokens (docs/record/log.md).
 * Targets keep 14 bits.
 */
import type { PackedModel } from "../../../core/format/pack.ts";
import type { ActivationBits } from "../../../core/model/formats/format.ts";

export interface Activations {
  readonly stage: "activations";
  readonly bits: ActivationBits;
}

/** A copy that differs only in its header. */
export const setActivations = (model: PackedModel, { stage, bits }: Activations): PackedModel => ({
  ...model,
  activations: bits,
  recipe: [...model.recipe, { stage, bits }],
});
