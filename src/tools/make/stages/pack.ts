/** The stage that squeezes the taught checkpoint into the draft's pack. */
import path from "node:path";
import { packBytes } from "../../../core/format/pack-header.ts";
import { draftedOf, squeezeModel } from "../../compress/squeeze.ts";
import type { Finished } from "../journal.ts";
import { BY_KL, packRecipe } from "../pack-recipe.ts";
import type { DraftShape } from "../shape.ts";
import { type Making, type Student, workFile } from "./stage.ts";

export const packFolder = (out: string): string => path.join(out, "pack");

/** Finds the bytes of the pack's shards. */
export function packStage(making: Making, shape: DraftShape, from: Student): Promise<Finished<number>> {
  const { journal, options, base, signal } = making;
  const pack = packFolder(options.out);
  const keep = shape.head < base.tokens ? shape.head : undefined;
  const recipe = { ...packRecipe(options.model, keep, shape.format), drafting: BY_KL };
  return journal.stage({
    name: "pack",
    inputs: [from.key, recipe],
    makes: [pack, `${pack}.unfinished`],
    async work() {
      const header = await squeezeModel({
        model: from.checkpoint,
        recipe,
        out: pack,
        target: draftedOf(options.target),
        // All of the text counts for the vocabulary; one short window is what squeezing asks for beside it.
        calibration: { file: workFile(options.out, "text.jsonl"), samples: 1, length: 2 },
        signal,
      });
      return packBytes(header);
    },
  });
}
