/** Runs the program that works on a model block by block (models/distil/outrider_distil/cut.py). */
import type { Merged } from "../merge.ts";
import { type Making, runProgram, workFile } from "./stage.ts";

/** Tokens of a line; the rest of it is cut off. */
const LONGEST = 320;

/** @param positions of the text that the blocks learn from */
export function runBlocks(
  making: Making,
  stage: string,
  text: Merged,
  positions: number,
  args: readonly string[],
): Promise<void> {
  const { out } = making.options;
  const lines = Math.max(1, Math.round((text.lines * positions) / text.positions));
  return runProgram(making, stage, "cut", [
    ...["--text", workFile(out, "text.jsonl"), "--lines", `${lines}`, "--longest", `${LONGEST}`],
    ...args,
  ]);
}
