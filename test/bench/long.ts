/**
 * What a draft loses in long conversations when its attention reads a share of the keys, policy by policy, and what a
 * step then takes.
 *
 *   npm run bench:long -- [--quick] [--pair smollm2-135m] [--draft DIR] [--lengths 2000,4000,8000] [--answers 3]
 *     [--policies near,asked]
 *
 * The target's answers to long prompts are recorded (long/record.ts). The draft reads each prompt with all keys and is
 * then asked for every token of the answer, teacher-forced, with what each policy reads of them; acceptance counts on
 * the answer alone. With copies: lookup proposes in place of the model where it is sure, as in the service. Prints tables and,
 * last, one JSON line. --quick takes one answer of each kind and length, and the budget of 20 % for the steps only.
 */
import { POLICIES } from "../../src/core/draft/keeping.ts";
import { Lookup } from "../../src/core/draft/lookup.ts";
import { PAGE_TOKENS } from "../../src/core/kernels/abi.ts";
import { agreementRate, tokensPerPass } from "../../src/tools/compress/methods/acceptance-length.ts";
import { parseOptions } from "../support/parse-options.ts";
import { type LongAnswer, longAnswers } from "./long/answers.ts";
import { type Draft, type DraftName, loadDrafts } from "./long/drafts.ts";
import { longPair, PAIR_OPTIONS } from "./long/pairs.ts";
import { stepTimes } from "./long/steps.ts";

const { values } = parseOptions({
  options: {
    quick: { type: "boolean", default: false },
    ...PAIR_OPTIONS,
    answers: { type: "string", default: "3" },
    policies: { type: "string", default: ["near", ...Object.keys(POLICIES)].join(",") },
  },
});

const BUDGETS = [0.2, 0.1, 0.05] as const;
const DRAFTED = 8;
/** A copy of this confidence is proposed in place of the model's token, as the service does. */
const COPIED = 0.85;
const { draft: pack, lengths, answers: calibration } = longPair(values);
const each = values.quick ? 1 : Number(values.answers);
const answers = lengths.flatMap((length) => {
  const own = longAnswers(values.pair).filter((answer) => answer.length === length);
  return [...new Set(own.map(({ kind }) => kind))].flatMap((kind) =>
    own.filter((answer) => answer.kind === kind).slice(0, each),
  );
});
if (answers.length === 0) {
  console.error("no recorded answer has such a length; long/record.ts makes them");
  process.exit(1);
}

const longest = Math.max(8001, ...answers.map(({ prompt, answer }) => prompt.length + answer.length));
const policies = values.policies.split(",") as DraftName[];
const other = policies.find((name) => name !== "near" && !Object.hasOwn(POLICIES, name));
if (other !== undefined) {
  console.error(`--policies names near or some of ${Object.keys(POLICIES).join(", ")}, not "${other}"`);
  process.exit(1);
}
const drafts = await loadDrafts(pack, calibration, ["all", ...policies], Math.ceil(longest / PAGE_TOKENS) + 1);

/** Hits of one configuration, answer by answer, and the share of keys that it read. */
interface Run {
  readonly length: number;
  readonly policy: string;
  readonly budget: number;
  readonly hits: boolean[][];
  readonly withCopies: boolean[][];
  /** Where the draft's first choice is that of the draft with all keys. */
  readonly same: boolean[][];
  /** Shares of the keys, by answer. */
  readonly read: number[];
}
const runs = new Map<string, Run>();

/** What lookup is sure of at each token of an answer. */
function copiesOf({ prompt, answer }: LongAnswer): (number | undefined)[] {
  const lookup = new Lookup();
  const copies: (number | undefined)[] = [];
  for (const at of answer.keys()) {
    lookup.sync([...prompt, ...answer.slice(0, at)]);
    const copy = lookup.after([], 0);
    copies.push(copy && copy.confidence >= COPIED ? copy.id : undefined);
  }
  return copies;
}

function record(
  answer: LongAnswer,
  draft: Draft,
  budget: number,
  copies: readonly (number | undefined)[],
  whole?: readonly number[],
): readonly number[] {
  const key = `${answer.length} ${draft.name} ${budget}`;
  const run = runs.get(key) ?? {
    length: answer.length,
    policy: draft.name,
    budget,
    hits: [],
    withCopies: [],
    same: [],
    read: [],
  };
  runs.set(key, run);
  const { drafted, read } = draft.replay(answer, budget);
  run.hits.push(drafted.map((token, at) => token === answer.answer[at]));
  run.withCopies.push(drafted.map((token, at) => (copies[at] ?? token) === answer.answer[at]));
  run.same.push(drafted.map((token, at) => token === (whole ?? drafted)[at]));
  run.read.push(read);
  return drafted;
}

for (const [n, answer] of answers.entries()) {
  process.stderr.write(`\r${n + 1} of ${answers.length}: ${answer.prompt.length} tokens, ${answer.kind}          `);
  const [all, ...others] = drafts;
  const copies = copiesOf(answer);
  await all!.prefill(answer.prompt);
  const whole = record(answer, all!, 1, copies);
  for (const draft of others) {
    for (const budget of BUDGETS) {
      // A bounded cache has let go of pages for the answer. Heavy hitters go on from what a larger budget kept.
      if (budget === BUDGETS[0] || draft.most) await draft.read(answer.prompt, all!);
      record(answer, draft, budget, copies, whole);
    }
    draft.release();
  }
  all!.release();
}
process.stderr.write("\n");

const rows = [...runs.values()].map(({ length, policy, budget, hits, withCopies, same, read }) => {
  const whole = runs.get(`${length} all 1`)!;
  const perPass = tokensPerPass(hits, DRAFTED);
  return {
    length,
    policy,
    budget,
    read: round(read.reduce((sum, share) => sum + share, 0) / read.length),
    sameAsAll: round(agreementRate(same)),
    agreement: round(agreementRate(hits)),
    tokensPerPass: round(perPass),
    ofAll: round(perPass / tokensPerPass(whole.hits, DRAFTED)),
    withCopies: round(tokensPerPass(withCopies, DRAFTED)),
    withCopiesOfAll: round(tokensPerPass(withCopies, DRAFTED) / tokensPerPass(whole.withCopies, DRAFTED)),
    answers: hits.length,
  };
});
console.table(rows);
const steps = await stepTimes(drafts, values.quick ? [0.2] : [...BUDGETS, 1]);
console.table(steps);
console.log(JSON.stringify({ draft: pack, drafted: DRAFTED, rows, steps }));

function round(value: number): number {
  return Number(value.toFixed(3));
}
