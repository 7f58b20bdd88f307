/** The stage that squeezes the taught checkpoint into the draft's pack. */
import path from "node:path";
import type { Recipe } from "../../compress/recipe.ts";
import { draftedOf, squeezeModel } from "../../compress/squeeze.ts";
import { packBytes } from "../../format/pack-header.ts";
import type { Finished } from "../journal.ts";
import { type Base, DRAFT_FORMATS, type DraftShape, VOCABULARY_FORMAT } from "../shape.ts";
import { type Making, type Student, workFile } from "./stage.ts";

/** Trims to the tokens that were taught, and rounds to the format that was taught, which changes no value. */
export function packRecipe(
  model: string,
  { tokens }: Pick<Base, "tokens">,
  { head, format }: Pick<DraftShape, "head" | "format">,
): Pick<Recipe, "model" | "stages"> {
  return {
    model,
    stages: [
      ...(head < tokens ? [{ stage: "trim-vocabulary", keep: head, by: "frequency" } as const] : []),
      { stage: "quantise", tensors: "blocks", ...DRAFT_FORMATS[format] },
      { stage: "quantise", tensors: "vocabulary", format: VOCABULARY_FORMAT },
      { stage: "activations", bits: 8 },
    ],
  };
}

export const packFolder = (out: string): string => path.join(out, "pack");

/** Finds the bytes of the pack's shards. */
export function packStage(making: Making, shape: DraftShape, from: Student): Promise<Finished<number>> {
  const { journal, options, base, signal } = making;
  const pack = packFolder(options.out);
  const recipe = packRecipe(options.model, base, shape);
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
