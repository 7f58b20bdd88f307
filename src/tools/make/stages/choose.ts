/** The stage that finds the blocks of the base that stay. */

import { readModel } from "../../../core/platform/read-model.ts";
import type { Stage } from "../../compress/recipe.ts";
import { squeezeModel } from "../../compress/squeeze.ts";
import { readLines } from "../../text/text-file.ts";
import { LENGTH, WINDOWS } from "../cutting.ts";
import type { Finished } from "../journal.ts";
import type { CorpusLine } from "../material.ts";
import type { DraftPlan } from "../plan.ts";
import { type Making, workFile } from "./stage.ts";

/** Finds their indices. */
export function chooseStage(
  { journal, options, base, signal }: Making,
  { choice, shape }: DraftPlan,
  merged: Finished<unknown>,
  identity: unknown,
): Promise<Finished<readonly number[]>> {
  const { out, baseFile, blocks: wished } = options;
  const { layers } = base.config;
  const all = Array.from({ length: layers }, (_, block) => block);
  const pack = workFile(out, "chosen");
  return journal.stage({
    name: "choose",
    inputs: [merged.key, identity, choice, shape.blocks, wished],
    makes: [pack, `${pack}.unfinished`],
    async work() {
      if (choice === "named" || choice === "all") return typeof wished === "object" ? wished : all;
      const stage: Stage = { stage: "shortened-llama", criterion: choice, remove: layers - shape.blocks, plus: false };
      const text = workFile(out, "text.jsonl");
      const header = await squeezeModel({
        model: await readModel(baseFile),
        recipe: { model: options.model, stages: [stage] },
        out: pack,
        calibration: { file: text, ...(await windowLength(text)) },
        signal,
      });
      const removed = header.recipe.flatMap(({ found }) => (found as { removed?: number[] })?.removed ?? []);
      return all.filter((block) => !removed.includes(block));
    },
  });
}

/** As many windows as a short text has. */
async function windowLength(text: string): Promise<{ samples: number; length: number }> {
  const lines = await readLines<CorpusLine>(text);
  const tokens = lines.reduce((sum, { prompt, answer }) => sum + prompt.length + answer.length, 0);
  const length = Math.max(2, Math.min(LENGTH, tokens));
  return { samples: Math.max(1, Math.min(WINDOWS, Math.floor(tokens / length))), length };
}
