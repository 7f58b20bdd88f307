/** The shape of a draft that is cut from a larger model, and the bytes of its pack. */

import type { LlamaConfig } from "../../core/model/config.ts";
import type { BlockFormat } from "../../core/model/formats.ts";
import { tensorBytes } from "../../core/model/layouts.ts";
import { EMBEDDING, HEAD, tensorShapes } from "../../core/model/tensors.ts";
import { type Formats, formatOf } from "../compress/stages/quantise.ts";

/**
 * What a draft is taught in, by name: the format of its blocks, with those of some matrices where they are others, and
 * that of embedding and head. In two bits down projections lose a third of a block's error to more than a half, and for
 * its bytes no matrix gains as much by a third bit as that of the values. A head in three bits has a third more tokens
 * than one of the same bytes in four, which gains more than the bit loses (docs/record/log.md).
 */
export const DRAFT_FORMATS = {
  lut4: { blocks: { format: "lut4" }, vocabulary: "lut4" },
  "q2had+q3had": { blocks: { format: "q2had", values: "q3had", down: "q3had" }, vocabulary: "q3had" },
  "q2add+q3add": { blocks: { format: "q2add", values: "q3add", down: "q3add" }, vocabulary: "q3had" },
} as const satisfies Record<string, { readonly blocks: Formats; readonly vocabulary: BlockFormat }>;
export type DraftFormat = keyof typeof DRAFT_FORMATS;

export interface DraftShape {
  /** Blocks that stay. */
  readonly blocks: number;
  /** Heads of queries of each. */
  readonly heads: number;
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

/** What the header of a shard says of a tensor. */
const TENSOR_BYTES = 130;

/** Bytes of the shards of a draft's pack. */
export function draftBytes({ config }: Base, shape: DraftShape): number {
  const formats = DRAFT_FORMATS[shape.format];
  return tensorShapes(draftConfig(config, shape)).reduce((sum, { name, rows, cols }) => {
    const ofVocabulary = name === EMBEDDING || name === HEAD;
    const own = ofVocabulary ? formats.vocabulary : formatOf(formats.blocks, name);
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
export const draftConfig = (config: LlamaConfig, { blocks, heads, mlp, head }: DraftShape): LlamaConfig => ({
  ...config,
  layers: blocks,
  heads,
  feedForward: mlp,
  vocabulary: head,
  widths: undefined,
});
