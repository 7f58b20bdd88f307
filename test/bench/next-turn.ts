/**
 * What a long conversation costs its drafter, in CPU of this process: the next turn after an eviction (reading stored
 * pages, prefilling what came, the first draft), the first draft after a new prompt of that length, and a draft step.
 * Everything runs as in a Session, but for workerd. Prints a table and, as its last line, JSON.
 *
 *   npm run bench:next-turn -- [--quick] [pack]
 *
 * 8,000 tokens, or 2,000 with --quick; recorded conversations of the pair end to end.
 */
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { gunzipSync } from "node:zlib";
import { readKeeping } from "../../src/core/draft/keeping.ts";
import { loadLlama } from "../../src/core/draft/llama.ts";
import { AHEAD_PAGES, ModelDrafter } from "../../src/core/draft/model-drafter.ts";
import { PAGE_TOKENS, pageBytes } from "../../src/core/kernels/abi.ts";
import { totalKvHeads } from "../../src/core/model/config.ts";
import { builtModules } from "../../src/core/platform/built.ts";
import { directoryHeader, shardReader } from "../../src/core/platform/disk.ts";
import { GREEDY } from "../../src/core/speculate/types.ts";
import { conversationPages, poolPages } from "../../src/edge/draft/budget.ts";
import { PageStore } from "../../src/edge/store/pages.ts";
import { median } from "../../src/tools/inspect/timing.ts";
import { memoryStorage } from "../support/memory-storage.ts";

const inRepository = (path: string) => fileURLToPath(new URL(`../../${path}`, import.meta.url));

const args = process.argv.slice(2);
const pack = args.find((arg) => !arg.startsWith("--")) ?? inRepository("models/smollm2-135m-draft-m/pack");
const length = args.includes("--quick") ? 2000 : 8000;
/** Tokens of the user's next message. */
const NEXT = 40;
/** Draft steps that are averaged. */
const STEPS = 16;
/** Turns behind an eviction of which the median counts. */
const TURNS = 5;

const recorded = gunzipSync(readFileSync(inRepository("models/smollm2-135m/recorded.jsonl.gz"))).toString();
const text = recorded
  .trim()
  .split("\n")
  .map((line) => JSON.parse(line) as { prompt: number[]; answer: number[] })
  .flatMap(({ prompt, answer }) => [...prompt, ...answer]);
const timeline = text.slice(0, length);
const next = text.slice(0, length + NEXT);

const header = await directoryHeader(pack);
const pages = poolPages(header);
const llama = await loadLlama(header, shardReader(pack, header), await builtModules(), { pages, rows: 1 });
const { storage } = memoryStorage();
const store = new PageStore(storage);

let reads = 0;
const exec = storage.sql.exec.bind(storage.sql) as (...query: unknown[]) => unknown;
Object.assign(storage.sql, {
  exec: (...query: unknown[]) => {
    reads++;
    return exec(...query);
  },
});
let computed = 0;
const forward = llama.forward.bind(llama);
llama.forward = (...call: Parameters<typeof forward>) => {
  computed += call[1].length;
  return forward(...call);
};

/**
 * CPU of this process while `work` runs, ms, with the tokens that the model read and the statements that SQLite ran.
 */
async function spent(work: () => Promise<unknown> | unknown) {
  reads = 0;
  computed = 0;
  const before = process.cpuUsage();
  await work();
  const { user, system } = process.cpuUsage(before);
  return { ms: Number(((user + system) / 1000).toFixed(1)), computed, reads };
}

const { held } = readKeeping(header.drafting?.keeping ?? "all");
const most = conversationPages(pages, held);
const newCache = () => llama.newCache(most);
const firstDraft = async (drafter: ModelDrafter, tokens: readonly number[]) => {
  await drafter.sync(tokens);
  await drafter.propose(1, () => false);
};

/** A step behind `tokens`, in ms. */
async function step(tokens: readonly number[]): Promise<number> {
  const cache = newCache();
  const drafter = new ModelDrafter(llama, cache, GREEDY);
  await firstDraft(drafter, tokens);
  const { ms } = await spent(() => drafter.propose(STEPS, () => true));
  cache.release();
  return Number((ms / STEPS).toFixed(2));
}

// Compiled and warm before anything is timed.
const warm = await step(timeline.slice(0, 500));
const early = await step(timeline.slice(0, 500));

const ahead = llama.newCache(AHEAD_PAGES);
const cache = newCache();
const anew = new ModelDrafter(llama, cache, GREEDY, ahead);
const first = await spent(() => firstDraft(anew, timeline));
const readAhead = anew.read;
const inOrder = await spent(() => anew.settle(() => true));
await anew.sync(timeline);
const fastBytes = cache.pages.length * pageBytes(totalKvHeads(header.config), header.config.headSize);
const saved = await spent(() => store.save(cache, "bench"));
cache.release();

// The first of these compiles what restores pages.
const turns = [];
for (let n = 0; n < TURNS; n++) {
  const evicted = newCache();
  const resumed = new ModelDrafter(llama, evicted, GREEDY, ahead);
  turns.push(
    await spent(async () => {
      store.restore(evicted, next, "bench");
      await firstDraft(resumed, next);
    }),
  );
  evicted.release();
}
const turn = turns[0]!;
const nextTurnMs = median(turns.map(({ ms }) => ms));
const late = await step(timeline);

const result = {
  pack: header.model,
  tokens: length,
  nextTurnMs,
  nextTurnFirstMs: turn.ms,
  nextTurnReads: turn.reads,
  nextTurnComputed: turn.computed,
  firstDraftMs: first.ms,
  firstDraftComputed: first.computed,
  firstDraftRead: readAhead,
  inOrderMs: inOrder.ms,
  saveMs: saved.ms,
  stepMs: late,
  stepAt500Ms: early,
  fastBytes,
  restBytes: Math.min(most, Math.floor(length / PAGE_TOKENS)) * llama.pool.atRest.bytes,
};
console.log(`${header.model}, ${length} tokens (warm-up step ${warm} ms)`);
console.log(
  `next turn after an eviction  ${nextTurnMs} ms (median of ${TURNS}, the first ${turn.ms}), ` +
    `${turn.reads} statements, ${turn.computed} tokens computed`,
);
console.log(
  `first draft of a new prompt  ${first.ms} ms, ${first.computed} tokens computed; all of it ${inOrder.ms} ms`,
);
console.log(`draft step                   ${late} ms; behind 500 tokens ${early} ms`);
console.log(JSON.stringify(result));
