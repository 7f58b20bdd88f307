/**
 * The stage that says in how many bits activations enter a model's matrices. Eight are faster, by how much depends on
 * the CPU; they suit a draft, which may be wrong, and cost it few of its tokens (docs/log.md). Targets keep 14.
 */
import type { PackedModel } from "../../format/pack.ts";
import type { ActivationBits } from "../../model/formats/format.ts";

export interface Activations {
  readonly stage: "activations";
  readonly bits: ActivationBits;
}

/** A copy that differs in its header alone. */
export const setActivations = (model: PackedModel, { stage, bits }: Activations): PackedModel => ({
  ...model,
  activations: bits,
  recipe: [...model.recipe, { stage, bits }],
});
