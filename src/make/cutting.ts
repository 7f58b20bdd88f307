/**
 * What cutting a base computes, in multiply-adds. It runs in f32 on the processor, whatever the rest runs on, so it is
 * counted apart (schedule.ts).
 */
import { type Base, type DraftShape, draftConfig, isNarrowed, weightsOf } from "./shape.ts";

/** How the blocks are found that stay. */
export type Choice = "named" | "all" | "acceptance" | "influence";

/** Windows of text that blocks and MLP channels are measured on at most, and tokens of each. */
export const WINDOWS = 64;
export const LENGTH = 256;
const POSITIONS = WINDOWS * LENGTH;
/** Positions that each try of the choice of blocks by agreement runs over, prompts included. */
const TRY_POSITIONS = 4000;

export const cuttingProducts = (base: Base, shape: DraftShape, choice: Choice): number =>
  choiceProducts(base, shape, choice) + narrowingProducts(base, shape);

/** To find the blocks that stay. */
export function choiceProducts(base: Base, shape: DraftShape, choice: Choice): number {
  if (choice === "influence") return POSITIONS * blockWeights(base, wholeOf(base));
  if (choice !== "acceptance") return 0;
  // Half of a try, the blocks before the one left out, has run before.
  return (triesFor(base, shape) * TRY_POSITIONS * weightsOf(base.config)) / 2;
}

/** Each removal tries every block that is left. */
function triesFor({ config: { layers } }: Base, { blocks }: DraftShape): number {
  return Array.from({ length: layers - blocks }, (_, gone) => layers - gone).reduce((sum, tries) => sum + tries, 0);
}

/**
 * To rank MLP channels, and to fit what is left. Wanda-sp runs each block that stays whole and then narrowed. `refit`
 * runs all blocks of the base, the narrowed ones beside them, and sums the normal equations of each: half of the square
 * of its channels, and its channels times the residual stream. Solving them takes less than a hundredth of that.
 */
function narrowingProducts(base: Base, shape: DraftShape): number {
  if (!isNarrowed(base, shape)) return 0;
  const whole = wholeOf(base);
  const narrowed = blockWeights(base, shape);
  const ranking = blockWeights(base, { ...whole, blocks: shape.blocks }) + narrowed;
  const equations = shape.blocks * shape.mlp * (shape.mlp / 2 + base.config.embedding);
  return POSITIONS * (ranking + blockWeights(base, whole) + narrowed + equations);
}

type Cut = Pick<DraftShape, "blocks" | "mlp">;

const wholeOf = ({ config }: Base): Cut => ({ blocks: config.layers, mlp: config.feedForward });

/** Weights of the blocks alone. */
const blockWeights = ({ config }: Base, { blocks, mlp }: Cut): number => {
  const weights = (layers: number) => weightsOf(draftConfig(config, { blocks: layers, mlp, head: 0, format: "lut4" }));
  return weights(blocks) - weights(0);
};
