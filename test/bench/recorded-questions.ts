/** The questions whose answers are recorded for the emulated GPU, and those of them that a bench can ask. */
import { readFileSync } from "node:fs";
import path from "node:path";
import { ChatTemplate } from "../../src/core/model/chat.ts";
import { Tokenizer } from "../../src/core/model/tokenizer.ts";
import { GREEDY } from "../../src/core/speculate/types.ts";
import { Recordings } from "../../src/origin/engines/recordings.ts";
import { recordedOf } from "../../src/tools/obtain/pair.ts";
import { isLoop } from "../../src/tools/text/loops.ts";
import { PROMPTS } from "../cases/prompts.ts";
import { REAL_PAIR } from "../support/real.ts";

/** Kinds of development questions that a chat model is asked; the default draft was taught on others of their kind. */
const GENERAL = ["question", "writing", "summary", "translation", "maths", "retrieval"].map(
  (kind) => `general/${kind}`,
);
/** Kinds of coding questions whose answers a model of this size writes: no whole files, no holes to fill. */
const CODING = ["function", "explanation", "test", "shell-sql"];

/** What the benches before emulated GPUs ask: all kinds of a chat alike, in the order of the kinds. */
const generalQuestions = (): string[] => GENERAL.flatMap(questionsOf);

/** The file of recorded answers that the default pair has. */
export const RECORDED = recordedOf(REAL_PAIR);

/** What is answered greedily: the page's examples, the prompts of test/cases, development questions. */
export const greedyQuestions = (): string[] => [
  ...new Set([...REAL_PAIR.examples, ...PROMPTS, ...generalQuestions(), ...CODING.flatMap(questionsOf)]),
];

/** Every third prompt is also answered at a temperature. */
export const sampledQuestions = (): string[] => PROMPTS.filter((_, n) => n % 3 === 0);

const questionsOf = (kind: string): string[] =>
  readFileSync(path.join(import.meta.dirname, `questions/${kind}.jsonl`), "utf8")
    .trim()
    .split("\n")
    .map((line) => (JSON.parse(line) as { turns: string[] }).turns[0]!);

/** A question whose recorded answer is long enough. */
export interface Recorded {
  readonly text: string;
  readonly prompt: readonly number[];
  readonly answer: readonly number[];
}

/**
 * Up to `count` of the questions whose greedy answers are recorded with `tokens` tokens at least, spread over the list.
 * Answers that fall into a loop by then are left out: any draft foretells them. Throws where there are none.
 */
export async function recordedQuestions(
  count: number,
  tokens: number,
  { file = RECORDED, texts = generalQuestions() }: { file?: string; texts?: readonly string[] } = {},
): Promise<Recorded[]> {
  const recordings = await Recordings.read(file);
  const read = (name: string) => readFileSync(path.join(REAL_PAIR.draft!, name), "utf8");
  const template = new ChatTemplate(read("tokenizer_config.json"), new Tokenizer(read("tokenizer.json")));
  const usable = texts.flatMap((text): Recorded[] => {
    const prompt = template.encode([{ role: "user", content: text }]);
    const answer = recordings.find(prompt, GREEDY)?.answer ?? [];
    return answer.length >= tokens && !isLoop(answer.slice(0, tokens)) ? [{ text, prompt, answer }] : [];
  });
  if (usable.length === 0) throw new Error(`no question has a recorded answer of ${tokens} tokens`);
  const n = Math.min(count, usable.length);
  return Array.from({ length: n }, (_, i) => usable[Math.floor((i * usable.length) / n)]!);
}
