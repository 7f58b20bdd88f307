/** The stages that teach a checkpoint what a better one predicts (models/distil/outrider_distil/distil.py). */

import path from "node:path";
import { batches } from "../batches.ts";
import type { Finished } from "../journal.ts";
import type { Merged } from "../merge.ts";
import { SEED } from "../options.ts";
import { ADAPTERS_RATE, isFixed, rateFor } from "../rates.ts";
import { PASSES, taughtPerMinute } from "../schedule.ts";
import { DRAFT_FORMATS, type DraftFormat, type DraftShape, draftConfig, weightsOf } from "../shape.ts";
import { type Making, runProgram, type Student, workFile } from "./stage.ts";

/** A checkpoint is written about so often. */
const KEEP_MINUTES = 3;
/** Held-out answers that are scored with each checkpoint. */
const SCORED = 60;
const WARMUP = 50;
/** More passes over a text than these teach little. */
const EPOCHS = 8;

/** What is taught, and how fast. */
interface Course {
  /** Also the name of the stage. */
  readonly name: "adapt" | "teach";
  readonly rate: number;
  /** Who predicts the text as it is learned; null: the target has judged it. */
  readonly teacher: Student | null;
  /** Options of distil.py. */
  readonly options: readonly string[];
}

/** In floats, by adapters of low rank alone: they bear a rate at which all weights together lose what they knew. */
export const ADAPTERS: Course = { name: "adapt", rate: ADAPTERS_RATE, teacher: null, options: ["--lora"] };

/**
 * A checkpoint, rounded as the pack rounds it, learns what the same checkpoint says in floats. It gains more by that
 * than by what the target says, of which it learns the text by heart (docs/record/log.md).
 * @param asked the rate that the user named; absent: the format's own
 */
export const roundedWeights = (floats: Student, format: DraftFormat, asked: number | undefined): Course => ({
  name: "teach",
  rate: rateFor(format, asked),
  teacher: floats,
  options: [
    ...["--quantise", format, "--quantise-vocabulary", DRAFT_FORMATS[format].vocabulary],
    ...(isFixed(format) ? ["--fix-weights"] : []),
  ],
});

export async function distilStage(
  making: Making,
  shape: DraftShape,
  minutes: number,
  merged: Finished<Merged>,
  from: Student,
  { name, rate, teacher, options }: Course,
): Promise<Student> {
  const { base, journal, machine } = making;
  const { out } = making.options;
  const folder = path.resolve(workFile(out, name));
  const { key } = await journal.stage<null>({
    name,
    inputs: [merged.key, from.key, teacher?.key ?? null, shape.head, options, minutes, SEED, rate],
    makes: [folder],
    async work() {
      const { compiled, tokens: batch } = batches(machine, minutes);
      const passes = teacher ? PASSES.byTeacher : PASSES.judged;
      const perMinute = taughtPerMinute(machine, weightsOf(draftConfig(base.config, shape)), passes);
      const stepsPerMinute = Math.max(1 / KEEP_MINUTES, perMinute / batch);
      const steps = Math.min(stepsPerMinute * minutes, (EPOCHS * merged.found.positions) / batch);
      await runProgram(making, name, "distil", [
        ...["--student", from.checkpoint, "--text", workFile(out, "text.jsonl"), "--out", folder],
        ...["--head", `${shape.head < base.tokens ? shape.head : 0}`, ...options],
        ...["--minutes", minutes.toFixed(3), "--epochs", `${EPOCHS}`, "--tokens", `${batch}`],
        ...["--warmup", `${Math.max(1, Math.min(WARMUP, Math.round(steps / 10)))}`],
        ...["--score-every", `${Math.max(1, Math.round(KEEP_MINUTES * stepsPerMinute))}`],
        ...["--score-lines", `${SCORED}`, "--seed", `${SEED}`, "--rate", `${rate}`],
        ...(teacher ? ["--teacher", teacher.checkpoint] : []),
        ...(compiled ? ["--compile"] : []),
      ]);
      return null;
    },
  });
  return { key, checkpoint: folder };
}
