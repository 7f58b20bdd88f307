/** The stage that cuts the base to the draft's shape: blocks by agreement, then MLP channels, then a repair. */
import path from "node:path";
import type { Stage } from "../../compress/recipe.ts";
import { squeezeModel } from "../../compress/squeeze.ts";
import { readModel } from "../../platform/read-model.ts";
import { readLines } from "../../text/text-file.ts";
import { LENGTH, WINDOWS } from "../cutting.ts";
import type { Finished } from "../journal.ts";
import type { CorpusLine } from "../material.ts";
import type { DraftPlan } from "../plan.ts";
import { isNarrowed } from "../shape.ts";
import { tied } from "../tied.ts";
import { type Making, workFile } from "./stage.ts";

export interface Cut {
  /** Folder of the cut checkpoint. */
  readonly checkpoint: string;
  /** Blocks of the base that stay. */
  readonly blocks: readonly number[];
}

/** What is done to the base; nothing where the shape is its own. */
function cutStages(base: Making["base"], { shape, choice }: DraftPlan, blocks: readonly number[]): Stage[] {
  const { config } = base;
  const remove = config.layers - shape.blocks;
  const depth: Record<DraftPlan["choice"], readonly Stage[]> = {
    all: [],
    named: [{ stage: "prune-depth", keep: blocks }],
    acceptance: [{ stage: "shortened-llama", criterion: "acceptance", remove, plus: false }],
    influence: [{ stage: "shortened-llama", criterion: "influence", remove, plus: false }],
  };
  const share = 1 - shape.mlp / config.feedForward;
  const width: readonly Stage[] = isNarrowed(base, shape)
    ? [{ stage: "wanda-sp", mlp: share }, { stage: "refit" }]
    : [];
  return [...depth[choice], ...width];
}

export function cutStage(making: Making, plan: DraftPlan, merged: Finished<unknown>, base: unknown) {
  const { journal, options, signal } = making;
  const { out, baseFile, blocks: wished } = options;
  const pack = workFile(out, "cut-pack");
  const checkpoint = workFile(out, "cut");
  const named = typeof wished === "object" ? wished : [];
  const stages = cutStages(making.base, plan, named);
  return journal.stage<Cut>({
    name: "cut",
    inputs: [merged.key, base, stages],
    makes: [pack, `${pack}.unfinished`, checkpoint],
    async work() {
      const text = workFile(out, "text.jsonl");
      const length = await windowLength(text);
      const header = await squeezeModel({
        model: tied(await readModel(baseFile), making.base.config),
        recipe: { model: options.model, stages },
        out: pack,
        exportHf: checkpoint,
        ...(stages.some(({ stage }) => stage !== "prune-depth") && { calibration: { file: text, ...length } }),
        signal,
      });
      const removed = header.recipe.flatMap(({ found }) => (found as { removed?: number[] })?.removed ?? []);
      const all = Array.from({ length: making.base.config.layers }, (_, block) => block);
      const kept = plan.choice === "named" ? named : all.filter((block) => !removed.includes(block));
      return { checkpoint: path.resolve(checkpoint), blocks: kept };
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
