/**
 * The architectures that run here, a row each: what a model of it has beside a plain Llama, and the names by which
 * files know it. A config carries the features; forward passes, memory plans and stages read those and know no
 * architecture.
 */

import { OutriderError } from "./errors.ts";

/** What a model may have beside a plain Llama. A tensor of `BLOCK_TENSORS` names the feature that it belongs to. */
const FEATURES = ["qkvBias", "qkNorm"] as const;
export type Feature = (typeof FEATURES)[number];
export type Features = { readonly [F in Feature]?: true | undefined };

interface Architecture extends Features {
  /** `model_type` in Hugging Face's config.json. */
  readonly modelType: string;
  /** The class of transformers that runs it. */
  readonly className: string;
  /** `general.architecture` in a GGUF file. */
  readonly gguf: string;
  /**
   * GGUF stores the rows of q and k so that RoPE turns neighbours (2i, 2i + 1). Other architectures keep Hugging Face's
   * order, which is ours: (i, i + D/2).
   */
  readonly ggufTurnsNeighbours?: true;
}

/** Of rows with the same features the first one names a model that is written out. */
export const ARCHITECTURES: readonly Architecture[] = [
  { modelType: "llama", className: "LlamaForCausalLM", gguf: "llama", ggufTurnsNeighbours: true },
  { modelType: "mistral", className: "MistralForCausalLM", gguf: "llama", ggufTurnsNeighbours: true },
  { modelType: "qwen2", className: "Qwen2ForCausalLM", gguf: "qwen2", qkvBias: true },
  { modelType: "qwen3", className: "Qwen3ForCausalLM", gguf: "qwen3", qkNorm: true },
];

/** The row by which a model with these features is written out. */
export function architectureOf(features: Features): Architecture {
  const row = ARCHITECTURES.find((each) => FEATURES.every((name) => each[name] === features[name]));
  if (!row) {
    const named = FEATURES.filter((name) => features[name]).join(" and ");
    throw new OutriderError("unsupported_model", `no architecture that runs here has exactly ${named}`);
  }
  return row;
}

/** The features of a row alone, as a config carries them; absent ones stay absent. */
export const featuresOf = (row: Architecture): Features =>
  Object.fromEntries(FEATURES.filter((name) => row[name]).map((name) => [name, true]));
