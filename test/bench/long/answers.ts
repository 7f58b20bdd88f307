/** Long prompts with the real target's answers, as record.ts makes them. */
import { readFileSync } from "node:fs";
import path from "node:path";
import { gunzipSync } from "node:zlib";
import type { TargetAnswer } from "../../../src/text/target-text.ts";

export const ANSWERS = path.join(import.meta.dirname, "answers.jsonl.gz");

export interface LongAnswer extends TargetAnswer {
  readonly kind: string;
  /** Tokens that were asked for; the prompt has about as many. */
  readonly length: number;
}

export const longAnswers = (): LongAnswer[] =>
  gunzipSync(readFileSync(ANSWERS))
    .toString()
    .split("\n")
    .filter(Boolean)
    .map((line) => JSON.parse(line) as LongAnswer);
