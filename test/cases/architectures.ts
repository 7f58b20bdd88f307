/**
 * The case table of architectures: a tiny model of each, with what transformers computes for it in f64
 * (test/golden/make_forward.py).
 */
import type { PackedModel } from "../../src/core/format/pack.ts";
import { configFromHuggingFace } from "../../src/core/model/huggingface-config.ts";
import { goldenJson } from "../support/golden.ts";
import { seededModel } from "../support/seeded-model.ts";

export interface ArchitectureCase {
  readonly name: string;
  /** The model in f32, from `config` as transformers reads it. */
  model(tiny: PackedModel): PackedModel;
  readonly prompt: readonly number[];
  /** The greedy continuation of the prompt. No choice of it is closer than a tenth of a logit. */
  readonly written: readonly number[];
  /** Logits behind some positions of prompt and continuation. */
  readonly logits: readonly { readonly position: number; readonly values: readonly number[] }[];
  /** Mean cross-entropy of prompt and continuation. */
  readonly loss: number;
  /** Of that loss: the norm of each tensor's gradient, and its values at some places. */
  readonly gradients: Readonly<
    Record<string, { readonly norm: number; readonly at: readonly number[]; readonly values: readonly number[] }>
  >;
}

type Golden = Omit<ArchitectureCase, "name" | "model"> & { config: Record<string, unknown>; seed: number };

export const ARCHITECTURE_CASES: readonly ArchitectureCase[] = Object.entries(
  goldenJson("forward.json") as Record<string, Golden>,
).map(([name, { config, seed, ...golden }]) => ({
  name,
  model: (tiny) => seededModel(tiny, configFromHuggingFace(config), seed),
  ...golden,
}));
