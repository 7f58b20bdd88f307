/** What cutting a base and rounding its blocks computes, in multiply-adds, and how much text a time for it buys. */
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

/** Bytes of the residual streams on disk at most. */
const MOST_BYTES = 6e9;

/** What the blocks of a cut, or of a draft that is rounded, read of the text. Rounded ones do not learn. */
export interface Readings {
  readonly positions: number;
  /** How often each block reads these to learn. */
  readonly times: number;
  /** How many of them least squares and GPTQ see. */
  readonly solved: number;
}

/** How often a block at least reads the text to gain by it, and at most (docs/record/log.md). */
const READ_LEAST = 1.5;
const READ_MOST = 6;
/** How often a cut block reads its text before it is given more text. */
const CUT_READ = 3;
/** Passes over a block that rounding it takes: for what its matrices read, in floats as well, and for derivatives. */
const ROUNDING_PASSES = 10;
/** Positions for each column of the widest matrix, so that least squares and GPTQ know how columns go together. */
const COLUMN_POSITIONS = 25;
/** As many as a draft of 30 MB was rounded on. */
const MOST_COLUMN_POSITIONS = 125;

/**
 * What so many multiply-adds buy of a cut, of a text of `most` positions. At each the whole base runs once, and each
 * block of the draft once with what it has learned. Least squares see as much as they need, because learning mends what
 * they lack. They choose among all channels of a block, and take half the square of those that stay.
 */
export function cutReadings(base: Base, shape: DraftShape, products: number, most: number): Readings {
  const pass = blockWeights(base, shape);
  const once = blockWeights(base, wholeOf(base)) + pass;
  const solving = blockWeights(base, { ...wholeOf(base), blocks: shape.blocks }) + (shape.blocks * shape.mlp ** 2) / 2;
  const room = Math.min(most, MOST_BYTES / positionBytes(base));
  const least = Math.min(COLUMN_POSITIONS * shape.mlp, products / (once + solving));
  const { positions, times } = bought(products - least * solving, { once, pass, least, room });
  return { positions, times, solved: Math.min(positions, Math.ceil(least)) };
}

/** Positions that rounding reads for so many multiply-adds, beside GPTQ itself, of a text of `most`. */
export function roundPositions(base: Base, shape: DraftShape, products: number, most: number): number {
  const columns = widest(base, shape);
  const room = Math.min(most, MOST_BYTES / positionBytes(draftOf(base, shape)));
  const bought = Math.max(COLUMN_POSITIONS * columns, products / (ROUNDING_PASSES * blockWeights(base, shape)));
  return Math.max(1, Math.floor(Math.min(room, MOST_COLUMN_POSITIONS * columns, bought)));
}

/** Multiply-adds of rounding at most, beside GPTQ itself. */
export const roundingProducts = (base: Base, shape: DraftShape): number =>
  MOST_COLUMN_POSITIONS * widest(base, shape) * ROUNDING_PASSES * blockWeights(base, shape);

/** Columns of the widest matrix of a block. */
const widest = ({ config }: Base, { mlp }: DraftShape): number => Math.max(config.embedding, mlp);

interface Purchase {
  /** Multiply-adds of a position that no block learns from. */
  readonly once: number;
  /** Those of a forward pass over the blocks; learning takes three. */
  readonly pass: number;
  /** Positions that there are at least, and at most. */
  readonly least: number;
  readonly room: number;
}

/** Where too few readings are left on the least text, there are none. */
function bought(products: number, { once, pass, least, room }: Purchase): Pick<Readings, "positions" | "times"> {
  const reach = Math.max(least, products / (once + 3 * CUT_READ * pass));
  const positions = Math.max(1, Math.floor(Math.min(room, reach)));
  const times = Math.min(READ_MOST, (products / positions - once) / (3 * pass));
  return { positions, times: times < READ_LEAST ? 0 : times };
}

/** Bytes on disk while a base is cut on so many positions. */
export const streamBytes = (base: Base, positions: number): number =>
  Math.min(MOST_BYTES, positions * positionBytes(base));

/** What enters each block, and what leaves the last: two bytes a channel. */
const positionBytes = ({ config: { embedding, layers } }: Base): number => 2 * embedding * (layers + 1);

type Cut = Pick<DraftShape, "blocks" | "heads" | "mlp">;

const wholeOf = ({ config }: Base): Cut => ({
  blocks: config.layers,
  heads: config.heads,
  mlp: config.feedForward,
});

const draftOf = (base: Base, shape: DraftShape): Base => ({ ...base, config: draftConfig(base.config, shape) });

/** Weights of the blocks alone. */
export const blockWeights = ({ config }: Base, { blocks, ...widths }: Cut): number => {
  const weights = (layers: number) =>
    weightsOf(draftConfig(config, { blocks: layers, ...widths, head: 0, format: "lut4" }));
  return weights(blocks) - weights(0);
};
