/**
 * The stage that cuts the base to the draft's shape and has each block that is left learn, rounded as its pack will
 * round it, what the whole base gives there (models/distil/outrider_distil/cut.py).
 */
import path from "node:path";
import { batches } from "../batches.ts";
import { readings } from "../cutting.ts";
import type { Finished } from "../journal.ts";
import type { Merged } from "../merge.ts";
import { cutProducts } from "../schedule.ts";
import type { DraftShape } from "../shape.ts";
import { type Making, runProgram, type Student, workFile } from "./stage.ts";

/** The highest learning rate of a block (docs/log.md). */
const RATE = 5e-4;
/** Tokens of a line; the rest of it is cut off. */
const LONGEST = 320;

/** @param minutes for all blocks together */
export async function cutStage(
  making: Making,
  shape: DraftShape,
  minutes: number,
  merged: Finished<Merged>,
  base: Finished<string>,
  blocks: Finished<readonly number[]>,
): Promise<Student> {
  const { journal, machine, options } = making;
  const folder = path.resolve(workFile(options.out, "cut"));
  const { positions, times } = readings(making.base, shape, cutProducts(machine, minutes), merged.found.positions);
  const lines = Math.max(1, Math.round((merged.found.lines * positions) / merged.found.positions));
  const { key } = await journal.stage<null>({
    name: "cut",
    inputs: [merged.key, base.key, blocks.found, shape, lines, times, options.seed],
    makes: [folder],
    async work(spent) {
      const { compiled, tokens } = batches(machine, minutes);
      await runProgram(making, "cut", "cut", [
        ...["--model", base.found, "--text", workFile(options.out, "text.jsonl"), "--out", folder],
        ...["--blocks", blocks.found.join(","), "--channels", `${shape.mlp}`, "--quantise", shape.format],
        ...(making.base.config.tied ? ["--tie"] : []),
        ...["--lines", `${lines}`, "--longest", `${LONGEST}`, "--readings", times.toFixed(2)],
        ...["--minutes", Math.max(0, minutes - spent / 60).toFixed(3)],
        ...["--tokens", `${tokens}`],
        ...["--rate", `${RATE}`, "--seed", `${options.seed}`],
        ...(compiled ? ["--compile"] : []),
      ]);
      return null;
    },
  });
  return { key, checkpoint: folder };
}
