/** What every stage of making a draft has at hand. */
import path from "node:path";
import type { DraftJournal } from "../journal.ts";
import type { Machine } from "../machine.ts";
import type { DraftOptions } from "../options.ts";
import type { Python } from "../python.ts";
import type { Base } from "../shape.ts";

export interface Making {
  readonly options: DraftOptions;
  readonly base: Base;
  /** Weights of the target. */
  readonly targetWeights: number;
  readonly journal: DraftJournal;
  readonly python: Python;
  readonly machine: Machine;
  readonly signal: AbortSignal;
  /** Tells the user how it goes. */
  say(line: string): void;
}

/** A checkpoint's folder, and what it depends on. */
export interface Student {
  readonly key: string;
  readonly checkpoint: string;
}

/** A file or folder of the work on a draft, which nobody needs once it is made. */
export const workFile = (out: string, name: string): string => path.join(out, "work", name);

/** Runs a program of models/distil, with its lines shown under the stage's name. */
export function runProgram(
  { python, signal, say, options }: Making,
  stage: string,
  program: string,
  args: readonly string[],
): Promise<void> {
  const log = workFile(options.out, `${stage}.log`);
  return python.run(program, args, { log, signal, said: (line) => say(`${stage}: ${line}`) });
}
