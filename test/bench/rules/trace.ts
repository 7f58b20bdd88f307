/**
 * What a drafter would have proposed at every position of a target's answers, and how much of it the target keeps. With
 * it any rule for the length of a chain can be replayed without a model: what the target emits does not depend on
 * drafts, and a draft depends on nothing but the timeline before it.
 */
import { readFileSync } from "node:fs";
import { gunzipSync } from "node:zlib";

/** Draft tokens recorded at each position. */
export const CHAIN = 16;

/** The drafter's proposal at one position. */
export interface Chain {
  /** Of each of its CHAIN tokens, in [0, 1). */
  readonly confidences: readonly number[];
  /** How many of them the target keeps; no more than the answer has left. */
  readonly kept: number;
}

/** One answer; the token of its prompt's pass needs no draft and is left out. */
export interface Answer {
  readonly category: string;
  readonly temperature: number;
  readonly chains: readonly Chain[];
}

/** An answer as a line of the file: two hexadecimal digits a confidence, one base-36 digit a kept length. */
interface Line {
  readonly category: string;
  readonly temperature: number;
  readonly kept: string;
  readonly confidences: readonly string[];
}

const STEPS = 256;
const byte = (confidence: number): number => Math.min(STEPS - 1, Math.floor(confidence * STEPS));

export function lineOf({ category, temperature, chains }: Answer): string {
  const hex = ({ confidences }: Chain) => confidences.map((c) => byte(c).toString(16).padStart(2, "0")).join("");
  const line: Line = {
    category,
    temperature,
    kept: chains.map(({ kept }) => kept.toString(36)).join(""),
    confidences: chains.map(hex),
  };
  return JSON.stringify(line);
}

export function answerOf(line: string): Answer {
  const { category, temperature, kept, confidences } = JSON.parse(line) as Line;
  const chains = confidences.map((hex, at): Chain => {
    const bytes = [...Buffer.from(hex, "hex")];
    return { confidences: bytes.map((value) => (value + 0.5) / STEPS), kept: Number.parseInt(kept[at]!, 36) };
  });
  return { category, temperature, chains };
}

/** The answers of a `.jsonl.gz` file. */
export const readTraces = (file: string): Answer[] =>
  gunzipSync(readFileSync(file)).toString("utf8").trim().split("\n").map(answerOf);
