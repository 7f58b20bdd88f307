/** A corpus and a run in words. */
import path from "node:path";
import { isLoop } from "../text/loops.ts";
import type { Growth } from "./grow.ts";
import type { Line } from "./line.ts";
import type { Dropped } from "./questions.ts";

/** The whole file: a line of totals, and a line per temperature. */
export function describeCorpus(file: string, lines: readonly Line[]): string {
  const prompts = new Set(lines.map(({ prompt }) => prompt.join(" "))).size;
  const heldOut = lines.filter(({ split }) => split === "held-out");
  const temperatures = [...new Set(lines.map(({ temperature }) => temperature))].sort((a, b) => a - b);
  return [
    `${path.basename(file)}: ${lines.length} answers to ${prompts} prompts, ${tokens(lines)} tokens; ` +
      `held out ${heldOut.length} answers, ${tokens(heldOut)} tokens`,
    ...temperatures.map((temperature) => {
      const own = lines.filter((line) => line.temperature === temperature);
      const looping = own.filter(({ answer }) => isLoop(answer));
      const share = percent(looping.length, own.length);
      return (
        `temperature ${temperature}: ${own.length} answers, ${tokens(own)} tokens; ` +
        `${share} of the answers loop, ${percent(tokens(looping), tokens(own))} of the tokens`
      );
    }),
  ].join("\n");
}

/** What a run added, and what it left out. */
export function describeGrowth(
  { answers, tokens, seconds, sameQuestions, sameAnswers }: Growth,
  dropped: Dropped,
): string {
  const left = [
    [sameQuestions, "questions asked before"],
    [dropped.unfinished, "questions of the target's that did not end"],
    [dropped.empty, "empty ones"],
    [sameAnswers, "answers equal to another to their prompt"],
  ].filter(([count]) => count !== 0);
  const without = left.length === 0 ? "" : `; left out: ${left.map((each) => each.join(" ")).join(", ")}`;
  const rate = answers === 0 ? "" : ` in ${seconds.toFixed(0)} s, ${(tokens / seconds).toFixed(0)} tokens a second`;
  return `added ${answers} answers, ${tokens} tokens${rate}${without}`;
}

const tokens = (lines: readonly Line[]): number => lines.reduce((sum, { answer }) => sum + answer.length, 0);

const percent = (part: number, whole: number): string => `${((100 * part) / whole).toFixed(1)} %`;
