/** The stages in which the target answers questions: the user's, those that ask.ts makes, and its own. */

import { existsSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import type { Snippet } from "../../questions/snippets.ts";
import { askedQuestions } from "../../questions/subjects.ts";
import { readQuestionFile } from "../../text/question-file.ts";
import { asLines, readLines } from "../../text/text-file.ts";
import type { Finished } from "../journal.ts";
import { taughtFile } from "../material.ts";
import { dropTornLine } from "../merge.ts";
import { SEED } from "../options.ts";
import { isProject } from "../project.ts";
import { writtenPerMinute } from "../schedule.ts";
import { type Making, runProgram, workFile } from "./stage.ts";
import { snippetsFile, type TakenText } from "./texts.ts";

/** Shares of the time for writing. */
const SHARES = { prompts: 0.5, asked: 0.35, own: 0.15 };
type Source = keyof typeof SHARES;

/** An answer has about so many tokens; more questions than there is time for cost nothing. */
const ANSWER_TOKENS = 60;
const MOST_QUESTIONS = 100_000;
/** Conversations at once. Keys and values of a large target fill the memory sooner. */
const BATCH = { cuda: 128, mps: 64, cpu: 64 };

/**
 * Finds the corpus of each source that was asked for.
 * @param prompts identities of the user's questions
 * @param taken texts of the user's; questions about code are about that of their projects
 */
export async function writeStages(
  making: Making,
  teacher: Finished<string>,
  minutes: number,
  prompts: readonly string[],
  taken: Finished<TakenText[]>,
): Promise<Finished<string>[]> {
  const { options } = making;
  const sources: Source[] = [
    ...(options.prompts.length > 0 ? (["prompts"] as const) : []),
    ...(options.questions === "none" ? [] : (["asked"] as const)),
    ...(options.self ? (["own"] as const) : []),
  ];
  const all = sources.reduce((sum, source) => sum + SHARES[source], 0);
  const written: Finished<string>[] = [];
  for (const source of sources) {
    const asked = { prompts, asked: askedAbout(options, taken), own: null }[source];
    written.push(await writeStage(making, teacher, source, (minutes * SHARES[source]) / all, asked));
  }
  return written;
}

function writeStage(
  making: Making,
  teacher: Finished<string>,
  source: Source,
  minutes: number,
  asked: unknown,
): Promise<Finished<string>> {
  const { journal, options, machine, targetWeights } = making;
  const { out, questions: subject } = options;
  const text = workFile(out, `${source}.jsonl`);
  const questions = workFile(out, `${source}-questions.jsonl`);
  const count = Math.min(
    MOST_QUESTIONS,
    Math.ceil((minutes * writtenPerMinute(machine, targetWeights)) / ANSWER_TOKENS) + 200,
  );
  return journal.stage({
    name: `write-${source}`,
    inputs: [teacher.key, source, minutes, SEED, asked],
    makes: [text, taughtFile(text), questions],
    async work(spent) {
      const goesOn = existsSync(text);
      if (goesOn) await dropTornLine(text);
      if (source !== "own" && !existsSync(questions)) {
        const turns =
          source === "asked" && subject !== "none"
            ? [...askedQuestions(subject, count, SEED, await snippetsOf(out))]
            : await listed(options.prompts);
        await writeFile(questions, asLines(turns.map((own) => ({ turns: own }))));
      }
      const left = minutes - spent / 60;
      if (left > 0) {
        await runProgram(making, `write-${source}`, "write", [
          ...["--target", teacher.found, "--out", text],
          ...(source === "own" ? ["--self"] : ["--prompts", questions]),
          ...["--minutes", left.toFixed(3), "--batch", `${BATCH[machine.device]}`],
          // The target must not ask itself once more what it asked before the interruption.
          ...["--seed", `${source === "own" && goesOn ? SEED + 1 + Math.round(spent) : SEED}`],
          ...(machine.bf16 ? ["--bf16"] : []),
        ]);
      }
      return text;
    },
  });
}

/** What questions that we make depend on. */
const askedAbout = ({ questions, texts }: Making["options"], taken: Finished<TakenText[]>) =>
  questions === "code" && texts.some(isProject) ? [questions, taken.key] : questions;

const snippetsOf = async (out: string): Promise<readonly Snippet[]> =>
  existsSync(snippetsFile(out)) ? readLines<Snippet>(snippetsFile(out)) : [];

async function listed(files: readonly string[]): Promise<readonly (readonly string[])[]> {
  const all: (readonly string[])[] = [];
  for (const file of files) all.push(...(await readQuestionFile(file)).map(({ turns }) => turns));
  return all;
}
