/** The stages that teach the cut checkpoint: in floats, then with its weights rounded as its pack rounds them. */
import path from "node:path";
import type { Finished } from "../journal.ts";
import type { Machine } from "../machine.ts";
import type { Merged } from "../merge.ts";
import { ratesFor } from "../rates.ts";
import { taughtPerMinute } from "../schedule.ts";
import { type DraftShape, draftConfig, weightsOf } from "../shape.ts";
import { type Making, runProgram, workFile } from "./stage.ts";

/** Padded positions of a batch. */
const BATCH = { cuda: 4096, mps: 2048, cpu: 1024 };
const COMPILED_BATCH = 2048;
/** Compiling takes some minutes, which a shorter course does not win back. */
const COMPILED_MINUTES = 30;
/** A checkpoint is written about so often. */
const KEEP_MINUTES = 3;
/** Held-out answers that are scored with each checkpoint. */
const SCORED = 60;
const WARMUP = 50;

/** Whether a course of so many minutes runs as compiled code. */
export const isCompiled = ({ compiles }: Machine, minutes: number): boolean => compiles && minutes >= COMPILED_MINUTES;

interface Course {
  readonly stage: "teach" | "round";
  /** More passes over a text than these teach little. */
  readonly epochs: number;
  /** Further options of distil.py. */
  readonly options: readonly string[];
}

const FLOATS: Course = { stage: "teach", epochs: 8, options: [] };
const rounded = (format: string): Course => ({
  stage: "round",
  epochs: 4,
  options: ["--quantise", format, "--acceptance", "0.5"],
});

export const teachStage = (
  making: Making,
  shape: DraftShape,
  minutes: number,
  merged: Finished<Merged>,
  from: Student,
) => course(making, FLOATS, shape, minutes, merged, from);

export const roundStage = (
  making: Making,
  shape: DraftShape,
  minutes: number,
  merged: Finished<Merged>,
  from: Student,
) => course(making, rounded(shape.format), shape, minutes, merged, from);

/** A checkpoint's folder, and what it depends on. */
export interface Student {
  readonly key: string;
  readonly checkpoint: string;
}

async function course(
  making: Making,
  { stage, epochs, options }: Course,
  shape: DraftShape,
  minutes: number,
  merged: Finished<Merged>,
  from: Student,
): Promise<Student> {
  const { base, journal, machine } = making;
  const { out, seed, rate: asked } = making.options;
  const rate = ratesFor(base, shape, asked)[stage];
  const folder = path.resolve(workFile(out, stage));
  const { key } = await journal.stage<null>({
    name: stage,
    inputs: [merged.key, from.key, shape, minutes, seed, rate],
    makes: [folder],
    async work() {
      const compiled = isCompiled(machine, minutes);
      const batch = compiled ? COMPILED_BATCH : BATCH[machine.device];
      const perMinute = taughtPerMinute(machine, weightsOf(draftConfig(base.config, shape)));
      const stepsPerMinute = Math.max(1 / KEEP_MINUTES, perMinute / batch);
      const steps = Math.min(stepsPerMinute * minutes, (epochs * merged.found.positions) / batch);
      await runProgram(making, stage, "distil", [
        ...["--student", from.checkpoint, "--text", workFile(out, "text.jsonl"), "--out", folder],
        ...["--head", `${shape.head < base.tokens ? shape.head : 0}`],
        ...["--minutes", minutes.toFixed(3), "--epochs", `${epochs}`, "--tokens", `${batch}`],
        ...["--warmup", `${Math.max(1, Math.min(WARMUP, Math.round(steps / 10)))}`],
        ...["--score-every", `${Math.max(1, Math.round(KEEP_MINUTES * stepsPerMinute))}`],
        ...["--score-lines", `${SCORED}`, "--seed", `${seed}`, "--rate", `${rate}`],
        ...(compiled ? ["--compile"] : []),
        ...options,
      ]);
      return null;
    },
  });
  return { key, checkpoint: folder };
}
