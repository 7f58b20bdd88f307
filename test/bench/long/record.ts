/**
 * Makes answers.jsonl.gz: what the real target answers to long prompts (texts.ts), greedily, in llama.cpp on one
 * thread. Prompts that the file has are not asked again.
 *
 *   node test/bench/long/record.ts [--lengths 2000,4000,8000]
 *
 * Fetches the target and node-llama-cpp into the cache folder where they are not. Takes some minutes on a core.
 */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { gunzipSync, gzipSync } from "node:zlib";
import { loadLlamaCpp } from "../../../src/origin/engines/llama.ts";
import { GREEDY } from "../../../src/speculate/types.ts";
import { llamaLibrary } from "../../support/llama-library.ts";
import { REAL_PAIR, realGguf } from "../../support/real.ts";
import { packHeader } from "../../support/tiny.ts";
import { ANSWERS, type LongAnswer } from "./answers.ts";
import { LENGTHS, longPrompts } from "./texts.ts";

const ANSWER_TOKENS = 96;

const { values } = parseArgs({ options: { lengths: { type: "string", default: LENGTHS.join(",") } } });
const lengths = values.lengths.split(",").map(Number);
const lines = existsSync(ANSWERS) ? gunzipSync(readFileSync(ANSWERS)).toString().split("\n").filter(Boolean) : [];
const known = new Set(lines.map((line) => (JSON.parse(line) as LongAnswer).prompt.join(" ")));
const wanted = (await longPrompts()).filter(({ length, prompt }) => {
  return lengths.includes(length) && !known.has(prompt.join(" "));
});
await llamaLibrary();
const stop = new Set(packHeader(REAL_PAIR.draft!).target!.eosIds);
const engine = await loadLlamaCpp(await realGguf(), {
  sequences: 1,
  kvTokens: 8192,
  maxDraft: 1,
  gpu: false,
  threads: 1,
});
for (const [n, { kind, length, prompt }] of wanted.entries()) {
  const started = performance.now();
  const sequence = engine.open();
  sequence.append(prompt);
  while (await sequence.prefill());
  const answer: number[] = [];
  while (answer.length < ANSWER_TOKENS && !stop.has(answer.at(-1) ?? -1)) {
    answer.push(...(await sequence.decide([], { sampling: GREEDY, rule: { kind: "exact" }, stop })).tokens);
  }
  sequence.close();
  lines.push(JSON.stringify({ kind, length, prompt, answer } satisfies LongAnswer));
  writeFileSync(ANSWERS, gzipSync(`${lines.join("\n")}\n`, { level: 9 }));
  const seconds = Math.round((performance.now() - started) / 1000);
  console.error(
    `${n + 1} of ${wanted.length}: ${kind}, ${prompt.length} tokens, ${answer.length} answered, ${seconds} s`,
  );
}
await engine.close?.();
