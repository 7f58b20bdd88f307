/**
 * What storing KV pages in fewer bits costs: the draft goes along recorded answers of its target, eight conversations
 * in one timeline, once undisturbed and once with every page stored and restored before each answer, as if the Session
 * were evicted between any two turns. Prints tokens per target pass of both and, as its last line, JSON.
 *
 *   npm run bench:rest -- [--quick] [pack]
 */
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { gunzipSync } from "node:zlib";
import type { KvCache } from "../../src/core/draft/cache.ts";
import { loadLlama } from "../../src/core/draft/llama.ts";
import { PAGE_TOKENS, pageBytes } from "../../src/core/kernels/abi.ts";
import { totalKvHeads } from "../../src/core/model/config.ts";
import { builtModules } from "../../src/core/platform/built.ts";
import { directoryHeader, shardReader } from "../../src/core/platform/disk.ts";
import { tokensPerPass } from "../../src/tools/compress/methods/acceptance-length.ts";

interface Recorded {
  readonly prompt: readonly number[];
  readonly answer: readonly number[];
}

const inRepository = (path: string) => fileURLToPath(new URL(`../../${path}`, import.meta.url));

const args = process.argv.slice(2);
const quick = args.includes("--quick");
const pack = args.find((arg) => !arg.startsWith("--")) ?? inRepository("models/smollm2-135m-draft-m/pack");
const recorded = gunzipSync(readFileSync(inRepository("models/smollm2-135m/recorded.jsonl.gz"))).toString();
const all = recorded
  .trim()
  .split("\n")
  .map((line) => JSON.parse(line) as Recorded);
const conversations = quick ? all.slice(0, 16) : all;

/** Conversations in one timeline. */
const GROUP = 8;
/** Tokens that one pass of the model reads. */
const ROWS = 32;
/** Draft length. */
const DRAFT = 8;

const header = await directoryHeader(pack);
const longest = Math.max(...all.map(({ prompt, answer }) => prompt.length + answer.length));
const pages = Math.ceil((GROUP * longest) / PAGE_TOKENS) * 2;
const llama = await loadLlama(header, shardReader(pack, header), await builtModules(), { pages, rows: ROWS });

/** Which tokens of each answer the draft foretells. */
function foretold(stored: boolean): boolean[][] {
  let cache = llama.newCache();
  const right = conversations.map(({ prompt, answer }, n) => {
    if (n % GROUP === 0) cache.cut(0);
    llama.forward(cache, prompt.slice(0, -1), 0);
    if (stored) cache = restored(cache);
    const input = [prompt.at(-1)!, ...answer.slice(0, -1)];
    const hits: boolean[] = [];
    for (let at = 0; at < input.length; at += ROWS) {
      const rows = input.slice(at, at + ROWS);
      llama.forward(cache, rows, rows.length);
      for (let i = 0; i < rows.length; i++) hits.push(llama.argmax(i) === answer[at + i]);
    }
    llama.forward(cache, answer.slice(-1), 0);
    return hits;
  });
  cache.release();
  return right;
}

/** The same cache out of stored pages. */
function restored(cache: KvCache): KvCache {
  const other = llama.newCache();
  for (let page = 0; page * PAGE_TOKENS < cache.tokens.length; page++) {
    const tokens = cache.tokens.slice(page * PAGE_TOKENS, (page + 1) * PAGE_TOKENS);
    other.importPage(tokens, cache.page(page).slice());
  }
  cache.release();
  return other;
}

const before = foretold(false);
const after = foretold(true);
const flat = before.flat();
const bytes = llama.pool.atRest.bytes / PAGE_TOKENS;
const result = {
  pack: header.model,
  conversations: conversations.length,
  tokens: flat.length,
  fastBytesPerToken: pageBytes(totalKvHeads(header.config), header.config.headSize) / PAGE_TOKENS,
  restBytesPerToken: bytes,
  otherTokens: after.flat().filter((right, i) => right !== flat[i]).length,
  tokensPerPassBefore: Number(tokensPerPass(before, DRAFT).toFixed(4)),
  tokensPerPassAfter: Number(tokensPerPass(after, DRAFT).toFixed(4)),
  ratio: Number((tokensPerPass(after, DRAFT) / tokensPerPass(before, DRAFT)).toFixed(4)),
};
console.log(
  `${header.model}: ${result.fastBytesPerToken} bytes a token in memory, ${bytes} at rest; ` +
    `${result.tokensPerPassBefore} tokens a pass undisturbed, ${result.tokensPerPassAfter} with every turn restored`,
);
console.log(JSON.stringify(result));
