/**
 * A draft once for each policy, the first of them with all keys; their caches can be filled from each other. `near` is
 * ours: a bounded cache, which has read the first page and the newest, and of these a window as large as the budget.
 */

import type { KvCache } from "../../../src/core/draft/cache.ts";
import type { Policy } from "../../../src/core/draft/keeping/policy.ts";
import { type Keeping, POLICIES, type PolicyName, readKeeping } from "../../../src/core/draft/keeping.ts";
import { type Llama, loadLlama } from "../../../src/core/draft/llama.ts";
import { ModelDrafter } from "../../../src/core/draft/model-drafter.ts";
import { writePack } from "../../../src/core/format/pack.ts";
import { headBlockBytes, PAGE_TOKENS, pageBytes } from "../../../src/core/kernels/abi.ts";
import { totalKvHeads } from "../../../src/core/model/config.ts";
import { builtModules } from "../../../src/core/platform/built.ts";
import { readModel } from "../../../src/core/platform/read-model.ts";
import { GREEDY } from "../../../src/core/speculate/types.ts";
import { Calibrator } from "../../../src/tools/compress/calibrate/calibrator.ts";
import { Pool } from "../../../src/tools/compress/calibrate/threads/pool.ts";
import { addSkew } from "../../../src/tools/compress/stages/skew.ts";
import { arbitraryTokens } from "../../../src/tools/inspect/timing.ts";
import { Trace } from "../../../src/tools/inspect/trace.ts";
import { readAnswers, type TargetAnswer } from "../../../src/tools/text/target-text.ts";
import { seeded } from "../../support/random.ts";

const CHANNELS = 16;
/** Pages that longer timelines are copied from. */
const STRETCHED = 16;
const WINDOWS = 4;
const WINDOW = 512;

/** What `near` holds where the pack names nothing. */
const NEAR = 768;
/** Tokens at the end of a prompt whose attention SnapKV's window of 32, which fades, still knows. */
const OBSERVED = 192;

export type DraftName = PolicyName | "all" | "near";

export interface Replayed {
  readonly drafted: number[];
  /** Share of the timeline's keys that was read. */
  readonly read: number;
}

export class Draft {
  readonly name: DraftName;
  readonly llama: Llama;
  readonly trace: Trace;
  /** Pages that the cache holds at most. */
  readonly most: number | undefined;
  cache: KvCache;

  constructor(name: DraftName, llama: Llama, trace: Trace, most?: number) {
    this.name = name;
    this.llama = llama;
    this.trace = trace;
    this.most = most;
    this.cache = llama.newCache(most);
  }

  /** Fills the cache with all of a prompt but its last token, as far as it can be what `whole` holds, from there. */
  async read(prompt: readonly number[], whole: Draft): Promise<void> {
    const policy: Policy | undefined = this.name === "all" || this.most ? undefined : POLICIES[this.name as PolicyName];
    const observed = policy?.scores?.kind === "mass" ? policy.scores.observed : undefined;
    if (this.name === "all" || this.most || observed === "all") return this.prefill(prompt);
    this.take(whole);
    if (observed === undefined) return;
    this.cache.cut(Math.max(0, prompt.length - OBSERVED));
    this.llama.forward(this.cache, prompt.slice(this.cache.tokens.length, -1), 0);
  }

  /** Reads all of a prompt but its last token. */
  async prefill(prompt: readonly number[]): Promise<void> {
    this.release();
    const { cache } = this;
    if (this.most) await new ModelDrafter(this.llama, cache, GREEDY).sync(prompt);
    this.llama.forward(cache, prompt.slice(cache.tokens.length, -1), 0);
  }

  /** Fills the cache with what another draft's holds. */
  take(other: Draft): void {
    this.release();
    const { tokens, pages } = other.cache;
    // Asked for before the cache holds tokens: the pass would index pages that are not there yet.
    const [from, to] = [other.memory, this.memory];
    this.cache.reserve(tokens.length);
    this.cache.extend(tokens);
    const { config } = this.llama.header;
    const bytes = pageBytes(totalKvHeads(config), config.headSize);
    for (const [n, page] of pages.entries()) {
      new Uint8Array(to, this.cache.pages[n], bytes).set(new Uint8Array(from, page, bytes));
    }
  }

  /**
   * Fills the cache with `length` tokens whose keys and values are those of 512 over and over, the keys up to a tenth
   * longer or shorter: for times, which depend on how many keys there are. Reading so many tokens would take minutes.
   */
  async stretch(length: number): Promise<void> {
    const { config } = this.llama.header;
    const blocks = totalKvHeads(config);
    const scales = 48 * config.headSize;
    await this.prefill(arbitraryTokens(STRETCHED * PAGE_TOKENS + 1, config.vocabulary));
    const { memory } = this;
    const tokens = arbitraryTokens(length, config.vocabulary).slice(this.cache.tokens.length);
    this.cache.reserve(tokens.length);
    this.cache.extend(tokens);
    const bytes = pageBytes(blocks, config.headSize);
    const random = seeded(1);
    for (const [n, page] of this.cache.pages.entries()) {
      if (n < STRETCHED) continue;
      new Uint8Array(memory).copyWithin(
        page,
        this.cache.pages[n % STRETCHED]!,
        this.cache.pages[n % STRETCHED]! + bytes,
      );
      for (let block = 0; block < blocks; block++) {
        const at = page + block * headBlockBytes(config.headSize) + scales;
        const own = new Float32Array(memory, at, PAGE_TOKENS);
        for (let t = 0; t < PAGE_TOKENS; t++) own[t]! *= 0.9 + 0.2 * random();
      }
    }
  }

  release(): void {
    this.cache.release();
    this.cache = this.llama.newCache(this.most);
  }

  /** The budget of a step behind `length` tokens: a share of all their keys, of which the cache may hold few. */
  set budget({ share, length }: { readonly share: number; readonly length: number }) {
    if (this.llama.keeper) this.llama.keeper.budget = Math.min(1, (share * length) / Math.max(1, this.cache.slots));
  }

  /** The draft's first choice at each token of the answer, and what was read for it. */
  replay({ prompt, answer }: TargetAnswer, budget: number): Replayed {
    const { llama, cache } = this;
    const { keeper } = llama;
    // A pass of the prompt that reads all, so that what was chosen of the prompt before is forgotten.
    cache.cut(prompt.length - 2);
    llama.forward(cache, [prompt.at(-2)!], 0);
    this.budget = { share: budget, length: prompt.length };
    if (keeper) Object.assign(keeper.read, { held: 0, read: 0 });
    const held = cache.slots / prompt.length;
    let last = prompt.at(-1)!;
    const drafted = answer.map((token) => {
      llama.forward(cache, [last], 1);
      last = token;
      return llama.argmax(0);
    });
    return { drafted, read: keeper ? (held * keeper.read.read) / keeper.read.held : 1 };
  }

  /** The model's memory, which the logits of no token are a view of. */
  get memory(): ArrayBufferLike {
    return this.llama.forward(this.cache, [], 0).buffer;
  }
}

/**
 * Loads a pack for each policy, with `pages` KV pages each.
 *
 * @param answers of the target, which the skew is measured on
 */
export async function loadDrafts(
  pack: string,
  answers: string,
  names: readonly DraftName[],
  pages: number,
): Promise<Draft[]> {
  const model = await readModel(pack);
  const recorded = (await readAnswers(answers, Number.POSITIVE_INFINITY)).flatMap(({ prompt, answer }) => [
    ...prompt,
    ...answer,
  ]);
  const windows = Array.from({ length: WINDOWS }, (_, n) => recorded.slice(n * WINDOW, (n + 1) * WINDOW));
  await using pool = await Pool.open(1);
  const calibrator = new Calibrator(pool, { windows, answered: [], tokens: [] });
  const skewed = await addSkew(model, { stage: "skew", channels: CHANNELS }, calibrator);
  const files = new Map<string, Uint8Array>();
  const header = await writePack(skewed, { write: async (name, bytes) => void files.set(name, bytes) });
  const modules = await builtModules();
  const shards = async function* (index: number) {
    yield files.get(header.shards[index]!.file)!;
  };
  const { held = NEAR } = readKeeping(header.drafting?.keeping ?? "all");
  const drafts: Draft[] = [];
  for (const name of names) {
    const policy = name === "near" ? "window" : name;
    const keeping: Keeping | undefined = policy === "all" ? undefined : { name: policy, budget: 1 };
    const most = name === "near" ? held / PAGE_TOKENS : undefined;
    let trace!: Trace;
    const llama = await loadLlama(header, shards, modules, {
      pages: most ?? pages,
      rows: 1,
      keeping,
      observe: (kernels) => {
        trace = new Trace(kernels);
        return trace.kernels;
      },
    });
    drafts.push(new Draft(name, llama, trace, most));
  }
  return drafts;
}
