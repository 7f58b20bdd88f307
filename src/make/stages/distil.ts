/** The stages that teach a checkpoint what the target predicts (models/distil/outrider_distil/distil.py). */
import path from "node:path";
import { batches } from "../batches.ts";
import type { Finished } from "../journal.ts";
import type { Merged } from "../merge.ts";
import { ADAPTERS_RATE, rateFor } from "../rates.ts";
import { taughtPerMinute } from "../schedule.ts";
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
export interface Course {
  /** Also the name of the stage. */
  readonly name: "adapt" | "teach";
  readonly rate: number;
  /** Options of distil.py. */
  readonly options: readonly string[];
}

/** In floats, by adapters of low rank alone: they bear a rate at which all weights together lose what they knew. */
export const ADAPTERS: Course = { name: "adapt", rate: ADAPTERS_RATE, options: ["--lora"] };

/** All weights, rounded as the pack rounds them, at the rate that was asked for or the format's own. */
export const roundedWeights = (format: DraftFormat, asked: number | undefined): Course => ({
  name: "teach",
  rate: rateFor(format, asked),
  options: ["--quantise", format, "--quantise-vocabulary", DRAFT_FORMATS[format].vocabulary],
});

export async function distilStage(
  making: Making,
  shape: DraftShape,
  minutes: number,
  merged: Finished<Merged>,
  from: Student,
  { name, rate, options }: Course,
): Promise<Student> {
  const { base, journal, machine } = making;
  const { out, seed } = making.options;
  const folder = path.resolve(workFile(out, name));
  const { key } = await journal.stage<null>({
    name,
    inputs: [merged.key, from.key, shape.head, options, minutes, seed, rate],
    makes: [folder],
    async work() {
      const { compiled, tokens: batch } = batches(machine, minutes);
      const perMinute = taughtPerMinute(machine, weightsOf(draftConfig(base.config, shape)));
      const stepsPerMinute = Math.max(1 / KEEP_MINUTES, perMinute / batch);
      const steps = Math.min(stepsPerMinute * minutes, (EPOCHS * merged.found.positions) / batch);
      await runProgram(making, name, "distil", [
        ...["--student", from.checkpoint, "--text", workFile(out, "text.jsonl"), "--out", folder],
        ...["--head", `${shape.head < base.tokens ? shape.head : 0}`, ...options],
        ...["--minutes", minutes.toFixed(3), "--epochs", `${EPOCHS}`, "--tokens", `${batch}`],
        ...["--warmup", `${Math.max(1, Math.min(WARMUP, Math.round(steps / 10)))}`],
        ...["--score-every", `${Math.max(1, Math.round(KEEP_MINUTES * stepsPerMinute))}`],
        ...["--score-lines", `${SCORED}`, "--seed", `${seed}`, "--rate", `${rate}`],
        ...(compiled ? ["--compile"] : []),
      ]);
      return null;
    },
  });
  return { key, checkpoint: folder };
}
