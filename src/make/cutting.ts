/** What cutting a base computes, in multiply-adds, and how much text a time for it buys. */
import { type Base, type DraftShape, draftConfig, weightsOf } from "./shape.ts";

/** How the blocks are found that stay. */
export type Choice = "named" | "all" | "acceptance" | "influence";

/** Windows of text that blocks are ranked on at most, and tokens of each. */
export const WINDOWS = 64;
export const LENGTH = 256;
/** Positions that each try of the choice of blocks by agreement runs over, prompts included. */
const TRY_POSITIONS = 4000;

/** To find the blocks that stay. It runs in f32 on the processor, whatever the rest runs on. */
export function choiceProducts(base: Base, shape: DraftShape, choice: Choice): number {
  if (choice === "influence") return WINDOWS * LENGTH * blockWeights(base, wholeOf(base));
  if (choice !== "acceptance") return 0;
  // Half of a try, the blocks before the one left out, has run before.
  return (triesFor(base, shape) * TRY_POSITIONS * weightsOf(base.config)) / 2;
}

/** Each removal tries every block that is left. */
function triesFor({ config: { layers } }: Base, { blocks }: DraftShape): number {
  return Array.from({ length: layers - blocks }, (_, gone) => layers - gone).reduce((sum, tries) => sum + tries, 0);
}

/** How much a block reads of the text before less text, read more often, is worse (docs/log.md). */
const READ_ONCE = 1.5;
const READ_MOST = 6;
/** Bytes of the residual streams on disk at most. */
const MOST_BYTES = 6e9;

export interface Readings {
  /** Positions of the text that the blocks learn from. */
  readonly positions: number;
  /** How often each block reads them. */
  readonly times: number;
}

/**
 * What so many multiply-adds buy, of a text of `most` positions. At each position the whole base runs once, and each
 * block of the draft is taught as often as it reads. The least squares of its down projection take half the square of
 * its channels.
 */
export function readings(base: Base, shape: DraftShape, products: number, most: number): Readings {
  const streams = blockWeights(base, wholeOf(base)) + (shape.blocks * shape.mlp ** 2) / 2;
  const taught = 3 * blockWeights(base, shape);
  const room = MOST_BYTES / positionBytes(base);
  const positions = Math.max(1, Math.floor(Math.min(most, room, products / (streams + READ_ONCE * taught))));
  return { positions, times: Math.max(READ_ONCE, Math.min(READ_MOST, (products / positions - streams) / taught)) };
}

/** Bytes on disk while a base is cut on so many positions. */
export const streamBytes = (base: Base, positions: number): number =>
  Math.min(MOST_BYTES, positions * positionBytes(base));

/** What enters each block, and what leaves the last: two bytes a channel. */
const positionBytes = ({ config: { embedding, layers } }: Base): number => 2 * embedding * (layers + 1);

type Cut = Pick<DraftShape, "blocks" | "mlp">;

const wholeOf = ({ config }: Base): Cut => ({ blocks: config.layers, mlp: config.feedForward });

/** Weights of the blocks alone. */
const blockWeights = ({ config }: Base, { blocks, mlp }: Cut): number => {
  const weights = (layers: number) => weightsOf(draftConfig(config, { blocks: layers, mlp, head: 0, format: "lut4" }));
  return weights(blocks) - weights(0);
};
