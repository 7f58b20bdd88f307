/** Runs the program that works on a model block by block (models/distil/outrider_distil/cut.py). */

import { batches } from "../batches.ts";
import type { Readings } from "../cutting.ts";
import type { Merged } from "../merge.ts";
import { SEED } from "../options.ts";
import { type Making, runProgram, workFile } from "./stage.ts";

/** Tokens of a line; the rest of it is cut off. */
const LONGEST = 320;

/** @param spent seconds of the stage's `minutes` that a run before this one has had */
export function runBlocks(
  making: Making,
  stage: "cut" | "round",
  text: Merged,
  { positions, times, solved }: Readings,
  { minutes, spent }: { readonly minutes: number; readonly spent: number },
  args: readonly string[],
): Promise<void> {
  const { machine, options } = making;
  const lines = (of: number) => `${Math.max(1, Math.round((text.lines * of) / text.positions))}`;
  const { compiled, tokens } = batches(machine, minutes);
  return runProgram(making, stage, "cut", [
    ...["--text", workFile(options.out, "text.jsonl"), "--lines", lines(positions), "--solved", lines(solved)],
    ...["--longest", `${LONGEST}`],
    ...args,
    ...["--readings", times.toFixed(2), "--seed", `${SEED}`, "--tokens", `${tokens}`],
    ...["--minutes", Math.max(0, minutes - spent / 60).toFixed(3)],
    ...(compiled ? ["--compile"] : []),
  ]);
}
