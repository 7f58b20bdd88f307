/** Long prompts with a real target's answers, as record.ts makes them. */
import { existsSync, readFileSync } from "node:fs";
import path from "node:path";
import { gunzipSync } from "node:zlib";
import type { TargetAnswer } from "../../../src/tools/text/target-text.ts";

/** @param pair a pair's name */
export const answersFile = (pair: string): string => path.join(import.meta.dirname, `answers/${pair}.jsonl.gz`);

export interface LongAnswer extends TargetAnswer {
  readonly kind: string;
  /** Tokens that were asked for; the prompt has about as many. */
  readonly length: number;
}

/** None where nothing was recorded. */
export const longAnswers = (pair: string): LongAnswer[] => {
  const file = answersFile(pair);
  const lines = existsSync(file) ? gunzipSync(readFileSync(file)).toString().split("\n") : [];
  return lines.filter(Boolean).map((line) => JSON.parse(line) as LongAnswer);
};
