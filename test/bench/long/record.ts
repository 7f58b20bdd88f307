/**
 * Makes answers/PAIR.jsonl.gz: what a pair's target answers to long prompts (texts.ts), greedily, in llama.cpp. Prompts
 * that the file has are not asked again.
 *
 *   node test/bench/long/record.ts [--pair smollm2-135m] [--lengths 2000,4000] [--each 3] [--threads 1]
 *
 * `--each`: of each kind and length, so many. Fetches the target and node-llama-cpp into the cache folder where they are
 * not. A target of 1.5B reads 8,000 tokens in some minutes on a core.
 */
import { writeFileSync } from "node:fs";
import path from "node:path";
import { gzipSync } from "node:zlib";
import { cacheFolder } from "../../../src/core/platform/places.ts";
import { GREEDY } from "../../../src/core/speculate/types.ts";
import { loadLlamaCpp } from "../../../src/origin/engines/llama.ts";
import { findLlamaLibrary } from "../../../src/origin/engines/llama-library.ts";
import { obtainModel } from "../../../src/tools/obtain/obtain.ts";
import { asLines } from "../../../src/tools/text/text-file.ts";
import { parseOptions } from "../../support/parse-options.ts";
import { packHeader } from "../../support/tiny.ts";
import { answerTo } from "../answer-to.ts";
import { answersFile, longAnswers } from "./answers.ts";
import { longPair, PAIR_OPTIONS } from "./pairs.ts";
import { longPrompts } from "./texts.ts";

const ANSWER_TOKENS = 96;

const { values } = parseOptions({
  options: {
    ...PAIR_OPTIONS,
    each: { type: "string", default: "3" },
    threads: { type: "string", default: "1" },
  },
});
const own = longPair(values);
const answers = longAnswers(values.pair);
const known = new Set(answers.map(({ prompt }) => prompt.join(" ")));
const prompts = await longPrompts(own);
const wanted = prompts.filter(({ kind, length, prompt }, n) => {
  const before = prompts.slice(0, n).filter((other) => other.kind === kind && other.length === length);
  return before.length < Number(values.each) && !known.has(prompt.join(" "));
});
if (wanted.length === 0) {
  console.error("all of these are recorded");
  process.exit(0);
}
await findLlamaLibrary();
const stop = new Set(packHeader(own.draft).target!.eosIds);
const { path: gguf } = await obtainModel(own.pair.target, path.join(cacheFolder(), "models"));
const engine = await loadLlamaCpp(gguf, {
  sequences: 1,
  kvTokens: Math.max(...wanted.map(({ prompt }) => prompt.length)) + ANSWER_TOKENS,
  maxDraft: 1,
  gpu: false,
  threads: Number(values.threads),
});
for (const [n, { kind, length, prompt }] of wanted.entries()) {
  const started = performance.now();
  const answer = await answerTo({ engine, stop }, prompt, GREEDY, ANSWER_TOKENS);
  answers.push({ kind, length, prompt, answer });
  writeFileSync(answersFile(values.pair), gzipSync(asLines(answers), { level: 9 }));
  const seconds = Math.round((performance.now() - started) / 1000);
  console.error(
    `${n + 1} of ${wanted.length}: ${kind}, ${prompt.length} tokens, ${answer.length} answered, ${seconds} s`,
  );
}
await engine.close?.();
