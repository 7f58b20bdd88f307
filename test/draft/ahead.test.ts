/** Prompts longer than a draft may wait for: a second cache reads ahead until the first has read everything. */
import { beforeEach, expect, test } from "vitest";
import type { KvCache } from "../../src/core/draft/cache.ts";
import { type Llama, loadLlama } from "../../src/core/draft/llama.ts";
import { AHEAD_PAGES, ModelDrafter, READ_AT_ONCE } from "../../src/core/draft/model-drafter.ts";
import { shardReader } from "../../src/core/platform/disk.ts";
import { GREEDY } from "../../src/core/speculate/types.ts";
import { kernelModules } from "../support/kernels.ts";
import { seeded } from "../support/random.ts";
import { loadPack, packHeader, TINY_PACKS } from "../support/tiny.ts";

const random = seeded(5);
const PROMPT = Array.from({ length: 1500 }, () => 3 + Math.floor(random() * 500));
/** At most 300 ms of CPU at 1.2 ms a token, which is slow for the default draft. */
const MOST_READ = 250;
const sure = () => true;

let llama: Llama;
let cache: KvCache;
let ahead: KvCache;
let drafter: ModelDrafter;
/** Tokens that the model has read, by cache. */
let computed: Map<KvCache, number>;

beforeEach(async () => {
  llama = await loadPack(TINY_PACKS.draft, 80, 1);
  [cache, ahead] = [llama.newCache(), llama.newCache(AHEAD_PAGES)];
  drafter = new ModelDrafter(llama, cache, GREEDY, ahead);
  computed = new Map();
  const forward = llama.forward.bind(llama);
  llama.forward = (...args: Parameters<typeof forward>) => {
    computed.set(args[0], (computed.get(args[0]) ?? 0) + args[1].length);
    return forward(...args);
  };
});

const draft = async (timeline: readonly number[], count: number) => {
  await drafter.sync(timeline);
  return (await drafter.propose(count, sure)).map(({ id }) => id);
};

/** What a drafter says that has read everything in order. */
async function inOrder(timeline: readonly number[], count: number): Promise<number[]> {
  const other = await loadPack(TINY_PACKS.draft, 80, 1);
  const whole = new ModelDrafter(other, other.newCache(), GREEDY);
  await whole.sync(timeline);
  return (await whole.propose(count, sure)).map(({ id }) => id);
}

test.each([600, 1500])("of %d tokens a first draft has read no more than it may wait for", async (length) => {
  expect(await draft(PROMPT.slice(0, length), 3)).toHaveLength(3);
  expect(computed.get(ahead)).toBeLessThanOrEqual(MOST_READ);
  expect(computed.get(cache)).toBeUndefined();
  expect(drafter.read).toBeLessThanOrEqual(MOST_READ);
  expect(drafter.read).toBeGreaterThan(READ_AT_ONCE - 32);
});

test("a short prompt is read at once, in order", async () => {
  const short = PROMPT.slice(0, READ_AT_ONCE);
  expect(await draft(short, 4)).toEqual(await inOrder(short, 4));
  expect(computed.get(ahead)).toBeUndefined();
  expect(drafter.read).toBeGreaterThanOrEqual(READ_AT_ONCE);
});

test("slices between rounds fill the first cache, each token once, and then it takes over", async () => {
  const timeline = PROMPT.slice(0, 700);
  await draft(timeline, 3);
  let rounds = 0;
  while (ahead.pages.length > 0) {
    let slices = 0;
    await drafter.settle(() => slices++ < 3);
    // What the target emits meanwhile: reading goes on where it was.
    timeline.push(PROMPT[700 + rounds]!);
    const read = computed.get(ahead) ?? 0;
    await draft(timeline, 2);
    if (ahead.pages.length > 0) expect((computed.get(ahead) ?? 0) - read).toBeLessThanOrEqual(4);
    rounds++;
    expect(rounds).toBeLessThan(100);
  }
  expect(rounds).toBeGreaterThan(10);
  expect(cache.tokens.slice(0, timeline.length)).toEqual(timeline);
  // Drafted tokens besides.
  expect(computed.get(cache)).toBeLessThanOrEqual(timeline.length + 2);
  expect(drafter.read).toBeGreaterThanOrEqual(timeline.length);
  expect(await draft(timeline, 4)).toEqual(await inOrder(timeline, 4));
});

test("when others take the pages of either cache, it reads again", async () => {
  const timeline = PROMPT.slice(0, 700);
  await draft(timeline, 2);
  ahead.release();
  expect(await draft(timeline, 2)).toHaveLength(2);
  expect(computed.get(ahead)).toBeLessThanOrEqual(2 * MOST_READ);
  let slices = 0;
  await drafter.settle(() => {
    if (slices++ === 5) cache.release();
    return slices < 200;
  });
  expect(await draft(timeline, 4)).toEqual(await inOrder(timeline, 4));
});

test("a bounded cache reads the first page and the newest ones of a long timeline, and nothing between", async () => {
  const bounded = llama.newCache(16);
  const other = new ModelDrafter(llama, bounded, GREEDY);
  await other.sync(PROMPT);
  expect(await other.propose(3, sure)).toHaveLength(3);
  expect(bounded.pages.length).toBeLessThanOrEqual(16);
  expect(bounded.tokens.length).toBeGreaterThanOrEqual(PROMPT.length);
  expect(computed.get(bounded)).toBeLessThanOrEqual(16 * 32);
  expect(other.read).toBeLessThanOrEqual(16 * 32);
  expect(other.read).toBeGreaterThan(14 * 32);
  // What the target emits goes behind it, each token once.
  const before = computed.get(bounded)!;
  const longer = [...PROMPT, ...PROMPT.slice(0, 100)];
  await other.sync(longer);
  expect(computed.get(bounded)! - before).toBeLessThanOrEqual(100);
  expect(bounded.pages.length).toBeLessThanOrEqual(16);
});

test.each([1, 3])("slices of %d between rounds fill a bounded cache, which is begun once", async (slices) => {
  const bounded = llama.newCache(12);
  const other = new ModelDrafter(llama, bounded, GREEDY, ahead);
  const timeline = PROMPT.slice(0, 1000);
  await other.sync(timeline);
  for (let round = 0; ahead.pages.length > 0; round++) {
    let left = slices;
    await other.settle(() => left-- > 0);
    timeline.push(PROMPT[1000 + round]!);
    await other.sync(timeline);
    expect(round).toBeLessThan(100);
  }
  expect(computed.get(bounded)).toBeLessThanOrEqual(12 * 32 + 100);
  expect(await other.propose(3, sure)).toHaveLength(3);
});

test("a turn that a bounded cache cannot hold leaves it its first page", async () => {
  const bounded = llama.newCache(8);
  const other = new ModelDrafter(llama, bounded, GREEDY);
  for (const length of [20, 150, 1400]) {
    const before = computed.get(bounded) ?? 0;
    await other.sync(PROMPT.slice(0, length));
    expect((computed.get(bounded) ?? 0) - before).toBeLessThanOrEqual(8 * 32);
    expect(bounded.tokens).toEqual(PROMPT.slice(0, bounded.tokens.length));
    expect(bounded.tokens.length).toBeGreaterThan(length - 10);
    expect(bounded.holds(0)).toBe(true);
  }
});

test("drafts go up to the end of the model's context, and none beyond it", async () => {
  const { context } = llama.header.config;
  const long = Array.from({ length: context + 50 }, (_, i) => 3 + ((i * 7) % 500));
  expect(await draft(long.slice(0, context - 2), 8)).toHaveLength(3);
  expect(await draft(long.slice(0, context), 8)).toHaveLength(1);
  const read = computed.get(ahead);
  expect(await draft(long, 8)).toEqual([]);
  await drafter.settle(() => true);
  expect(computed.get(ahead)).toBe(read);
});

test("in a context of 32,768 tokens the first draft has read as little as in a short one", async () => {
  const header = packHeader(TINY_PACKS.draft);
  const wide = { ...header, config: { ...header.config, context: 32_768 } };
  const options = { pages: 80, rows: 1 };
  const model = await loadLlama(wide, shardReader(TINY_PACKS.draft, header), kernelModules(), options);
  // The page table and a head's scores of the whole context are all that grows.
  expect(model.bytes - llama.bytes).toBeLessThan(1e6);
  const timeline = Array.from({ length: 32_760 }, (_, i) => 3 + ((i * 7) % 500));
  const far = new ModelDrafter(model, model.newCache(16), GREEDY, model.newCache(AHEAD_PAGES));
  await far.sync(timeline);
  expect(await far.propose(8, sure)).toHaveLength(8);
  expect(far.read).toBeLessThanOrEqual(MOST_READ);
});
