/**
 * Adds what a corpus lacks: the answer to every question at every temperature, in a fixed order whichever is finished
 * first.
 */
import { startProgress } from "../../core/platform/progress.ts";
import type { Author } from "./author.ts";
import { converse } from "./conversation.ts";
import type { CorpusFile } from "./corpus-file.ts";
import { inOrder } from "./in-order.ts";
import type { Question } from "./questions.ts";
import type { Target } from "./target.ts";

export interface Plan {
  readonly temperatures: readonly number[];
  /** Tokens of an answer at most. */
  readonly maxTokens: number;
}

/** The result of a run. */
export interface Growth {
  answers: number;
  tokens: number;
  seconds: number;
  /** Questions that were asked before. */
  sameQuestions: number;
  /** Answers that equal the answer to the same prompt at another temperature. */
  sameAnswers: number;
}

/**
 * @param count number of questions, for the progress bar
 * @param stopped true ends the run when requests under way are done
 */
export async function growCorpus(
  file: CorpusFile,
  author: Author,
  target: Target,
  questions: Iterable<Question> | AsyncIterable<Question>,
  count: number,
  plan: Plan,
  stopped: () => boolean,
): Promise<Growth> {
  const growth: Growth = { answers: 0, tokens: 0, seconds: 0, sameQuestions: 0, sameAnswers: 0 };

  async function* jobs(): AsyncGenerator<{ question: Question; temperature: number }> {
    const asked = new Set<string>();
    for await (const question of questions) {
      const text = JSON.stringify(question.turns);
      if (asked.has(text)) growth.sameQuestions++;
      else for (const temperature of plan.temperatures) if (!stopped()) yield { question, temperature };
      asked.add(text);
      if (stopped()) return;
    }
  }

  const start = performance.now();
  const progress = startProgress("questions", count);
  try {
    const done = inOrder(jobs(), 2 * author.atOnce, async ({ question, temperature }) => ({
      question,
      lines: await converse(author, target, file, question, { maxTokens: plan.maxTokens, temperature }),
    }));
    for await (const { question, lines } of done) {
      for (const line of lines) {
        if (!file.add(line)) growth.sameAnswers++;
        else {
          growth.answers++;
          growth.tokens += line.answer.length;
        }
      }
      growth.seconds = (performance.now() - start) / 1000;
      const rate = (growth.tokens / growth.seconds).toFixed(0);
      progress.update(question.n + 1, `${growth.tokens} tokens, ${rate} a second`);
    }
  } finally {
    growth.seconds = (performance.now() - start) / 1000;
    progress.end();
    file.close();
  }
  return growth;
}
