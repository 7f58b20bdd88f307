/**
 * `npm run bench bild`: what BiLD's lossy rule (Kim et al. 2023, arXiv 2302.07863) saves and loses, by its two
 * thresholds, with the default pair through the service's own round, rule and wasm engine, greedy, in one thread.
 *
 *   npm run bench bild -- [--quick] [--questions FILE.jsonl] [--prompts 16] [--sums 40] [--tokens 48]
 *
 *   fallback   the drafter stops at the first token of a lower confidence
 *   rollback   the target keeps a token whose −ln p is at most this; "exact": only its own choice
 *
 *   passes per token   target passes, the prompt's left out
 *   changed            share of tokens that the target would not have chosen after the text before them
 *   lost               how much less likely, in nats a token, the target finds the text than the exact rule's
 *   right              share of the sums whose answer has the right number
 *
 * FILE has Spec-Bench questions, {category, turns: [text, …]} a line; without it the prompts of test/cases/prompts.ts.
 * Every question is answered under every pair of thresholds. The last line is JSON. About 25 minutes on an idle core,
 * --quick two.
 */
import { textTable } from "../../src/tools/charts/text-table.ts";
import { parseOptions } from "../support/parse-options.ts";
import { isRight, type Sum, sums } from "./bild/arithmetic.ts";
import { answersTo, MAX_DRAFT, type Setting } from "./bild/lossy.ts";
import { defaultPair, type LoadedPair } from "./default-pair.ts";
import { questionsIn } from "./questions.ts";

const { values } = parseOptions({
  options: {
    quick: { type: "boolean", default: false },
    questions: { type: "string" },
    prompts: { type: "string" },
    sums: { type: "string" },
    tokens: { type: "string" },
  },
});
const prompts = Number(values.prompts ?? (values.quick ? 4 : 16));
const sumCount = Number(values.sums ?? (values.quick ? 8 : 40));
const most = Number(values.tokens ?? (values.quick ? 24 : 48));

/** Answer tokens of a sum: the model repeats the question and says the result. */
const SUM_TOKENS = 24;
/** KV pages of 32 tokens for the longest question and its answer. */
const PAGES = 48;

const FALLBACKS = values.quick ? [0.1, 0.6] : [0.1, 0.4, 0.6, 0.8];
const ROLLBACKS = values.quick ? [null, 1, 1.5, 2, 3] : [null, 0.5, 1, 1.5, 2, 3, 5];

const SETTINGS = FALLBACKS.flatMap((fallback) =>
  ROLLBACKS.map((rollback): Setting & { rollback: number | null } => ({
    fallback,
    rollback,
    rule: rollback === null ? { kind: "exact" } : { kind: "bild", alphaRollback: rollback },
  })),
);

/** Of one question under one setting. */
interface Counted {
  readonly tokens: number;
  readonly passes: number;
  readonly changed: number;
  readonly logLikelihood: number;
  /** Whether the answer is that of the exact rule. */
  readonly same: boolean;
  /** Whether a sum is right; absent for other questions. */
  readonly right?: boolean;
}

const texts = questionsIn(values.questions).map(({ text }) => text);
// Spread over the file, which is sorted by category.
const asked = Array.from({ length: Math.min(prompts, texts.length) }, (_, n) => {
  return { question: texts[Math.floor((n * texts.length) / Math.min(prompts, texts.length))]!, sum: undefined };
});
const all: { question: string; sum: Sum | undefined }[] = [
  ...asked,
  ...sums(sumCount).map((sum) => ({ question: sum.question, sum })),
];
const counted: Counted[][] = [];
const pair = await defaultPair(PAGES, MAX_DRAFT);
for (const { question, sum } of all) {
  counted.push(await countedOf(pair, question, sum));
  process.stderr.write(`\r${counted.length} of ${all.length} questions`);
}
process.stderr.write("\n");

async function countedOf(own: LoadedPair, question: string, sum: Sum | undefined): Promise<Counted[]> {
  const answers = await answersTo(own, own.encode(question), sum ? SUM_TOKENS : most, SETTINGS);
  const exact = answers[SETTINGS.findIndex(({ rollback }) => rollback === null)]!;
  return answers.map(({ tokens, passes, changed, logLikelihood }) => ({
    tokens: tokens.length - 1,
    passes,
    changed,
    logLikelihood,
    same: tokens.length === exact.tokens.length && tokens.every((id, i) => id === exact.tokens[i]),
    ...(sum && { right: isRight(own.tokenizer.decode(tokens), sum) }),
  }));
}

const share = (counts: readonly Counted[], of: (count: Counted) => boolean | undefined): number =>
  counts.filter(of).length / counts.length;
const total = (counts: readonly Counted[], of: (count: Counted) => number): number =>
  counts.reduce((sum, count) => sum + of(count), 0);
const likelihood = (counts: readonly Counted[]): number =>
  total(counts, ({ logLikelihood }) => logLikelihood) / total(counts, ({ tokens }) => tokens);

const columns = SETTINGS.map((setting, n) => ({ ...setting, counts: counted.map((counts) => counts[n]!) }));
const exactly = likelihood(columns.find(({ rollback }) => rollback === null)!.counts);
const rounded = (value: number): number => Number(value.toFixed(4));
const rows = columns.map(({ fallback, rollback, counts }) => {
  const tokens = total(counts, (count) => count.tokens);
  return {
    fallback,
    rollback,
    passes_per_token: rounded(total(counts, ({ passes }) => passes) / tokens),
    changed: rounded(total(counts, (count) => count.changed) / tokens),
    other_answers: rounded(share(counts, ({ same }) => !same)),
    lost_nats: rounded(exactly - likelihood(counts)),
    right: rounded(
      share(
        counts.filter(({ right }) => right !== undefined),
        ({ right }) => right,
      ),
    ),
  };
});
console.log(`${asked.length} questions of ${most} tokens and ${sumCount} sums, at most ${MAX_DRAFT} drafted, greedy\n`);
console.log(
  textTable(
    Object.keys(rows[0]!),
    rows.map((row) => Object.values(row).map((value) => (value === null ? "exact" : String(value)))),
  ).join("\n"),
);
console.log(JSON.stringify({ rows }));
