/** The stage that teaches the cut checkpoint what the target predicts, its weights rounded as its pack rounds them. */
import path from "node:path";
import { batches } from "../batches.ts";
import type { Finished } from "../journal.ts";
import type { Merged } from "../merge.ts";
import { rateFor } from "../rates.ts";
import { taughtPerMinute } from "../schedule.ts";
import { type DraftShape, draftConfig, weightsOf } from "../shape.ts";
import { type Making, runProgram, type Student, workFile } from "./stage.ts";

/** A checkpoint is written about so often. */
const KEEP_MINUTES = 3;
/** Held-out answers that are scored with each checkpoint. */
const SCORED = 60;
const WARMUP = 50;
/** More passes over a text than these teach little. */
const EPOCHS = 8;

export async function teachStage(
  making: Making,
  shape: DraftShape,
  minutes: number,
  merged: Finished<Merged>,
  from: Student,
): Promise<Student> {
  const { base, journal, machine } = making;
  const { out, seed, rate: asked } = making.options;
  const rate = rateFor(shape.format, asked);
  const folder = path.resolve(workFile(out, "teach"));
  const { key } = await journal.stage<null>({
    name: "teach",
    inputs: [merged.key, from.key, shape, minutes, seed, rate],
    makes: [folder],
    async work() {
      const { compiled, tokens: batch } = batches(machine, minutes);
      const perMinute = taughtPerMinute(machine, weightsOf(draftConfig(base.config, shape)));
      const stepsPerMinute = Math.max(1 / KEEP_MINUTES, perMinute / batch);
      const steps = Math.min(stepsPerMinute * minutes, (EPOCHS * merged.found.positions) / batch);
      await runProgram(making, "teach", "distil", [
        ...["--student", from.checkpoint, "--text", workFile(out, "text.jsonl"), "--out", folder],
        ...["--head", `${shape.head < base.tokens ? shape.head : 0}`, "--quantise", shape.format],
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
