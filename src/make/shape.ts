/** The shape of a draft that is cut from a larger model, and the bytes of its pack. */
import { type Formats, formatOf } from "../compress/stages/quantise.ts";
import type { LlamaConfig } from "../model/config.ts";
import { tensorBytes } from "../model/layouts.ts";
import { EMBEDDING, HEAD, tensorShapes } from "../model/tensors.ts";

/**
 * What a draft is taught in, by name: the format of its blocks, and that of the down projections where it is another.
 * In two bits these lose a third of a block's error to more than a half (docs/log.md). Embedding and head are lut4.
 */
export const DRAFT_FORMATS = {
  lut4: { format: "lut4" },
  lut3: { format: "lut3" },
  q2lut: { format: "q2lut" },
  "q2lut+lut3": { format: "q2lut", down: "lut3" },
  q2had: { format: "q2had" },
  "q2had+lut3": { format: "q2had", down: "lut3" },
} as const satisfies Record<string, Formats>;
export type DraftFormat = keyof typeof DRAFT_FORMATS;
export const VOCABULARY_FORMAT = "lut4";

export interface DraftShape {
  /** Blocks that stay. */
  readonly blocks: number;
  /** MLP channels of each. */
  readonly mlp: number;
  /** Rows of embedding and head; as many as the base has tokens: all of them. */
  readonly head: number;
  readonly format: DraftFormat;
}

/** A model that a draft can be cut from. */
export interface Base {
  readonly config: LlamaConfig;
  /** Tokens of its vocabulary. */
  readonly tokens: number;
  /** Tokens that every draft keeps: bytes, special and end tokens. */
  readonly always: number;
}

/** Whether MLP channels are removed, after which the cut is repaired. */
export const isNarrowed = ({ config }: Base, { mlp }: DraftShape): boolean => mlp < config.feedForward;

/** What the header of a shard says of a tensor. */
const TENSOR_BYTES = 130;

/** Bytes of the shards of a draft's pack. */
export function draftBytes({ config }: Base, shape: DraftShape): number {
  return tensorShapes(draftConfig(config, shape)).reduce((sum, { name, rows, cols }) => {
    const ofVocabulary = name === EMBEDDING || name === HEAD;
    const own = ofVocabulary ? VOCABULARY_FORMAT : formatOf(DRAFT_FORMATS[shape.format], name);
    return sum + TENSOR_BYTES + tensorBytes({ format: rows === 1 ? "f32" : own, rows, cols });
  }, 0);
}

/** Weights that a token is multiplied by: all matrices, an untied embedding left out. */
export function weightsOf(config: LlamaConfig): number {
  return tensorShapes(config).reduce(
    (sum, { name, rows, cols }) => sum + (name === EMBEDDING && !config.tied ? 0 : rows * cols),
    0,
  );
}

/** The config of the draft. */
export const draftConfig = (config: LlamaConfig, { blocks, mlp, head }: DraftShape): LlamaConfig => ({
  ...config,
  layers: blocks,
  feedForward: mlp,
  vocabulary: head,
  widths: undefined,
});
