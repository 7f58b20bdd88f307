/**
 * Whether a long context is worth reading, for the draft: tokens per target pass over recorded answers to long prompts
 * when the draft has read everything and holds all of it, when it has read the first page and as many of the newest ones
 * as the service holds, and when it has read 192 tokens; with lookup's copies and without. Prints a table and, last, JSON.
 *
 *   npm run bench:reading -- [--quick] [--pair smollm2-135m] [--draft DIR] [--lengths 2000,4000]
 *
 * --quick takes one answer of each kind.
 */
import { readKeeping } from "../../src/core/draft/keeping.ts";
import { loadLlama } from "../../src/core/draft/llama.ts";
import { Lookup } from "../../src/core/draft/lookup.ts";
import { AHEAD_PAGES, ModelDrafter } from "../../src/core/draft/model-drafter.ts";
import { PAGE_TOKENS } from "../../src/core/kernels/abi.ts";
import { builtModules } from "../../src/core/platform/built.ts";
import { directoryHeader, shardReader } from "../../src/core/platform/disk.ts";
import { GREEDY } from "../../src/core/speculate/types.ts";
import { conversationPages, poolPages } from "../../src/edge/draft/budget.ts";
import { tokensPerPass } from "../../src/tools/compress/methods/acceptance-length.ts";
import { parseOptions } from "../support/parse-options.ts";
import { type LongAnswer, longAnswers } from "./long/answers.ts";
import { longPair, PAIR_OPTIONS } from "./long/pairs.ts";

/** Draft length. */
const DRAFTED = 8;
/** A copy of this confidence is proposed in place of the model's token, as the service does. */
const COPIED = 0.85;

const { values } = parseOptions({
  options: {
    quick: { type: "boolean", default: false },
    ...PAIR_OPTIONS,
  },
});
const { draft: pack, lengths } = longPair(values);
const every = longAnswers(values.pair).filter(({ length }) => lengths.includes(length));
const answers = values.quick
  ? every.filter(({ kind }, n) => every.findIndex((other) => other.kind === kind) === n)
  : every;

const header = await directoryHeader(pack);
const longest = Math.max(...answers.map(({ prompt, answer }) => prompt.length + answer.length));
const pages = Math.ceil(longest / PAGE_TOKENS) + AHEAD_PAGES + 1;
const llama = await loadLlama(header, shardReader(pack, header), await builtModules(), { pages, rows: 1 });
const { held } = readKeeping(header.drafting?.keeping ?? "all");
const most = conversationPages(poolPages(header), held);

const WAYS = {
  everything: () => new ModelDrafter(llama, llama.newCache(), GREEDY),
  newest: () => new ModelDrafter(llama, llama.newCache(most), GREEDY),
  // Its first cache is never filled, as if no slice ever came.
  ahead: () => new ModelDrafter(llama, llama.newCache(most), GREEDY, llama.newCache(AHEAD_PAGES)),
};

/** Which tokens the model foretells, which ones with copies, and the CPU of reading the prompt. */
async function foretold(drafter: ModelDrafter, { prompt, answer }: LongAnswer) {
  const lookup = new Lookup();
  const model: boolean[] = [];
  const both: boolean[] = [];
  const before = process.cpuUsage();
  await drafter.sync(prompt);
  const { user, system } = process.cpuUsage(before);
  for (const [at, token] of answer.entries()) {
    const timeline = [...prompt, ...answer.slice(0, at)];
    await drafter.sync(timeline);
    lookup.sync(timeline);
    const [own] = await drafter.propose(1, () => false);
    const copy = lookup.after([], 0);
    model.push(own?.id === token);
    both.push((copy && copy.confidence >= COPIED ? copy.id : own?.id) === token);
  }
  return { model, both, readMs: (user + system) / 1000 };
}

const rows = [];
for (const [way, make] of Object.entries(WAYS)) {
  const done = [];
  for (const answer of answers) done.push({ kind: answer.kind, ...(await foretold(make(), answer)) });
  for (const kind of [...new Set(done.map((each) => each.kind)), "all"]) {
    const own = done.filter((each) => kind === "all" || each.kind === kind);
    const rounded = (value: number) => Number(value.toFixed(3));
    rows.push({
      way,
      kind,
      answers: own.length,
      tokensPerPass: rounded(
        tokensPerPass(
          own.map(({ model }) => model),
          DRAFTED,
        ),
      ),
      withCopies: rounded(
        tokensPerPass(
          own.map(({ both }) => both),
          DRAFTED,
        ),
      ),
      readMs: Math.round(own.reduce((sum, { readMs }) => sum + readMs, 0) / own.length),
    });
  }
}
console.table(rows);
console.log(JSON.stringify({ pack: header.model, pages: most, rows }));
