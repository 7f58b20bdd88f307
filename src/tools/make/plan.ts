/** What a draft will be, what is done for it, and how long that takes, before any of it is done. */
import { OutriderError } from "../../core/model/errors.ts";
import { chooseShape } from "./budget.ts";
import { blockWeights, type Choice, choiceProducts, roundingProducts } from "./cutting.ts";
import type { Machine } from "./machine.ts";
import type { DraftOptions } from "./options.ts";
import { choiceMinutes, MOST_HOURS, type Schedule, scheduleFor, type Work } from "./schedule.ts";
import { type Base, type DraftShape, draftConfig, weightsOf } from "./shape.ts";

/** The memory that the choice of blocks has, in f32 (calibrate/threads/shared-arena.ts), less what texts take. */
const MEASURABLE_WEIGHTS = 0.95e9;
/** The choice of blocks by agreement may take this share of the hours; else one pass ranks them. */
const CHOICE_SHARE = 0.1;

export interface DraftPlan {
  readonly shape: DraftShape;
  readonly choice: Choice;
  readonly schedule: Schedule;
}

/** The shape that was asked for, or that the budget buys. Throws as `chooseShape` does. */
export function shapeFor(base: Base, { budget, format, blocks, heads, mlp, head }: DraftOptions): DraftShape {
  if (Array.isArray(blocks)) checkBlocks(blocks, base.config.layers);
  const count = typeof blocks === "object" ? blocks.length : blocks;
  return chooseShape(base, budget, format, { blocks: count, heads, mlp, head });
}

function checkBlocks(blocks: readonly number[], layers: number): void {
  const rising = blocks.every((block, n) => block < layers && block > (blocks[n - 1] ?? -1));
  if (rising) return;
  throw new OutriderError("bad_shape", `--blocks ${blocks.join(",")}: list blocks from 0 to ${layers - 1}, ascending`);
}

/** Throws `bad_model` where the blocks cannot be chosen here, and as `scheduleFor` does. */
export function planFor(
  machine: Machine,
  base: Base,
  shape: DraftShape,
  options: DraftOptions,
  texts: Pick<Work, "given" | "unjudged" | "target">,
): DraftPlan {
  const choice = choiceFor(machine, base, shape, options);
  const schedule = scheduleFor(
    machine,
    {
      ...texts,
      base: weightsOf(base.config),
      draft: weightsOf(draftConfig(base.config, shape)),
      choosing: choiceProducts(base, shape, choice),
      blocks: blockWeights(base, shape),
      rounding: roundingProducts(base, shape),
      writes: writes(options),
    },
    options.hours,
  );
  return { shape, choice, schedule };
}

/** Whether the target is to write. */
export const writes = ({ questions, self, prompts }: DraftOptions): boolean =>
  questions !== "none" || self || prompts.length > 0;

function choiceFor(machine: Machine, base: Base, shape: DraftShape, { blocks, hours }: DraftOptions): Choice {
  if (typeof blocks === "object") return "named";
  if (shape.blocks === base.config.layers) return "all";
  const weights = weightsOf(base.config);
  if (weights > MEASURABLE_WEIGHTS) {
    throw new OutriderError(
      "bad_model",
      `the model has ${(weights / 1e9).toFixed(1)} billion weights, and blocks are chosen by measurement for up to ` +
        `${(MEASURABLE_WEIGHTS / 1e9).toFixed(2)}; name a smaller model of its tokens with --from, or the ` +
        "blocks with --blocks",
    );
  }
  const takes = choiceMinutes(machine, choiceProducts(base, shape, "acceptance"));
  return takes <= CHOICE_SHARE * 60 * (hours ?? MOST_HOURS) ? "acceptance" : "influence";
}
