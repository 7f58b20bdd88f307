/** What llama-server tells of itself, for clients that ask it first. Places are not told apart here: there is one. */
import type { EdgeModel } from "../../../core/format/edge-model.ts";

const slotOf = ({ context }: Pick<EdgeModel, "context">) => ({ id: 0, n_ctx: context, is_processing: false });

/** Answer of `GET /props`. */
export const properties = (model: Pick<EdgeModel, "model" | "context">) => ({
  default_generation_settings: slotOf(model),
  total_slots: 1,
  model_alias: model.model,
  model_path: model.model,
  modalities: { vision: false, audio: false },
  build_info: "outrider",
});

/** Answer of `GET /slots`. */
export const slots = (model: Pick<EdgeModel, "context">) => [slotOf(model)];
