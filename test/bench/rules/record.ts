/**
 * Records `traces.jsonl.gz` with the default pair, in one thread: the target answers each question, and at every
 * position of the answer the drafter proposes a chain.
 *
 *   npm run bench:rules:record -- [--questions FILE.jsonl] [--every 1] [--tokens 64] [--out FILE.jsonl.gz]
 *
 * FILE has Spec-Bench questions, {category, turns: [text, …]} a line; without it the prompts of test/cases/prompts.ts.
 * Even questions are answered greedily, odd ones at temperature 0.8. A stopped run goes on where it was: answers are
 * appended to FILE.jsonl.gz.part, which becomes the file at the end. 120 questions take about five minutes.
 */
import { appendFileSync, existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { gzipSync } from "node:zlib";
import { ModelDrafter } from "../../../src/core/draft/model-drafter.ts";
import { startProgress } from "../../../src/core/platform/progress.ts";
import { GREEDY, type Proposed, type Sampling } from "../../../src/core/speculate/types.ts";
import { parseOptions } from "../../support/parse-options.ts";
import { answerTo } from "../answer-to.ts";
import { defaultPair, type LoadedPair } from "../default-pair.ts";
import { questionsIn } from "../questions.ts";
import { CHAIN, type Chain, lineOf } from "./trace.ts";

const { values } = parseOptions({
  options: {
    questions: { type: "string" },
    every: { type: "string", default: "1" },
    tokens: { type: "string", default: "64" },
    out: { type: "string", default: path.join(import.meta.dirname, "traces.jsonl.gz") },
  },
});

/** KV pages of 32 tokens for the longest question and its answer. */
const PAGES = 48;

const questions = questionsIn(values.questions).filter((_, i) => i % Number(values.every) === 0);
const part = `${values.out}.part`;
const done = existsSync(part) ? readFileSync(part, "utf8").split("\n").length - 1 : 0;
const pair = await defaultPair(PAGES, 0);
const progress = startProgress("answers", questions.length);
for (const [n, { category, text }] of questions.entries()) {
  if (n < done) continue;
  const sampling: Sampling = n % 2 === 0 ? GREEDY : { ...GREEDY, temperature: 0.8, seed: n };
  const prompt = pair.encode(text);
  const answer = await answerTo(pair, prompt, sampling, Number(values.tokens));
  const chains = await chainsOf(pair, prompt, answer, sampling);
  appendFileSync(part, `${lineOf({ category, temperature: sampling.temperature, chains })}\n`);
  progress.update(n + 1);
}
progress.end();
writeFileSync(values.out, gzipSync(readFileSync(part), { level: 9 }));
rmSync(part);

/**
 * The chain at each position of the answer behind its first. Where a chain's first token is right, the next chain is
 * the rest of it and one token more: a token's logits do not depend on the batch that it came in.
 */
async function chainsOf({ draft }: LoadedPair, prompt: number[], answer: number[], sampling: Sampling) {
  const cache = draft.newCache();
  const drafter = new ModelDrafter(draft, cache, sampling);
  const chains: Chain[] = [];
  let ahead: Proposed[] = [];
  for (let at = 1; at < answer.length; at++) {
    ahead = ahead[0]?.id === answer[at - 1] ? ahead.slice(1) : [];
    const timeline = [...prompt, ...answer.slice(0, at), ...ahead.map(({ id }) => id)];
    await drafter.sync(timeline);
    ahead.push(...(await drafter.propose(CHAIN - ahead.length, () => true)));
    const wrong = ahead.findIndex(({ id }, i) => id !== answer[at + i]);
    chains.push({ confidences: ahead.map(({ confidence }) => confidence), kept: wrong < 0 ? CHAIN : wrong });
  }
  cache.release();
  return chains;
}
