/**
 * Records what a pair's target answers to the fifty prompts of test/cases/coding-prompts.ts when it draws its tokens, in
 * llama.cpp and without drafts. Prompt n has seed n. `outrider eval --served` replays the file.
 *
 *   npm run bench:record-sampled -- --out FILE.jsonl.gz [--pair qwen2.5-coder-1.5b] [--temperature 0.8] [--tokens 48]
 *     [--threads 1]
 *
 * Fetches the target and node-llama-cpp into the cache folder where they are not. On a core a target of 1.5B takes ten
 * minutes.
 */
import { readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { gzipSync } from "node:zlib";
import { ChatTemplate } from "../../src/core/model/chat.ts";
import { openTokenizer } from "../../src/core/model/tokenizer.ts";
import { cacheFolder } from "../../src/core/platform/places.ts";
import { GREEDY } from "../../src/core/speculate/types.ts";
import { loadLlamaCpp } from "../../src/origin/engines/llama.ts";
import { findLlamaLibrary } from "../../src/origin/engines/llama-library.ts";
import { obtainModel } from "../../src/tools/obtain/obtain.ts";
import { knownPairs, pairNamed } from "../../src/tools/obtain/pair.ts";
import { asLines } from "../../src/tools/text/text-file.ts";
import { CODING_PROMPTS } from "../cases/coding-prompts.ts";
import { parseOptions } from "../support/parse-options.ts";
import { packHeader } from "../support/tiny.ts";
import { answerTo } from "./answer-to.ts";

const { values } = parseOptions({
  options: {
    out: { type: "string", default: "sampled.jsonl.gz" },
    pair: { type: "string", default: "qwen2.5-coder-1.5b" },
    temperature: { type: "string", default: "0.8" },
    tokens: { type: "string", default: "48" },
    threads: { type: "string", default: "1" },
  },
});
const temperature = Number(values.temperature);
const { target, draft } = pairNamed(values.pair, knownPairs(path.resolve(import.meta.dirname, "../../models")));
if (!draft)
  throw new Error(`the pair ${values.pair} has no draft in this copy of the project, whose tokenizer is read`);

const read = (name: string) => readFileSync(path.join(draft, name), "utf8");
const template = new ChatTemplate(read("tokenizer_config.json"), openTokenizer(read("tokenizer.json")));
const stop = new Set(packHeader(draft).target!.eosIds);
await findLlamaLibrary();
const { path: file } = await obtainModel(target, path.join(cacheFolder(), "models"));
const engine = await loadLlamaCpp(file, {
  sequences: 1,
  kvTokens: 2048,
  maxDraft: 1,
  gpu: false,
  threads: Number(values.threads),
});
const lines: object[] = [];
for (const [seed, content] of CODING_PROMPTS.entries()) {
  const prompt = template.encode([{ role: "user", content }]);
  const answer = await answerTo({ engine, stop }, prompt, { ...GREEDY, temperature, seed }, Number(values.tokens));
  lines.push({ prompt, answer, temperature, seed });
  process.stderr.write(`\r${lines.length} of ${CODING_PROMPTS.length}`);
}
await engine.close?.();
process.stderr.write("\n");
writeFileSync(values.out, gzipSync(asLines(lines), { level: 9 }));
