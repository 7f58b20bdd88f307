/**
 * Carries out a policy for one loaded model: keeps its index up to date, chooses keys layer by layer and head by head,
 * and has the attention kernel run over them alone. The kernel takes a table of pages, so chosen pages are a shorter
 * table, and chosen tokens are copied side by side into pages of their own first. Bytes that the index needs lie beside
 * the pages in the model's memory (`keepingMemory`).
 */
import { headBlockBytes, indexBytes, type Kernels, PAGE_TOKENS } from "../../kernels/abi.ts";
import { type Bytes, type Floats, floatsAfter, type PageTable } from "../../kernels/address.ts";
import { OutriderError } from "../../model/errors.ts";
import type { KvCache } from "../cache.ts";
import { type Keeping, POLICIES } from "../keeping.ts";
import type { MemoryPlan } from "../memory-plan.ts";
import { Mass } from "./mass.ts";
import type { KeepingMemory } from "./memory.ts";
import { readKeys, writeRows } from "./page-keys.ts";
import type { IndexScores, Policy } from "./policy.ts";

/** Heads and head size of the model's layers, in order, and the skew of each key/value head where the pack has one. */
export interface KeptLayer {
  readonly heads: number;
  readonly kvHeads: number;
  /** Bytes of a page before this layer. */
  readonly offset: Bytes;
  /** (G, channels, D) */
  readonly skew: Float32Array;
}

/** Queries of T tokens, and where their attention goes. Strides are in floats. */
export interface Queries {
  readonly q: Floats;
  readonly stride: number;
  readonly out: Floats;
  readonly outStride: number;
}

/** How many keys attentions of a draft step could have read, and how many they did. */
export interface KeysRead {
  held: number;
  read: number;
}

const EMPTY = new Float32Array(0);

export class Keeper {
  readonly read: KeysRead = { held: 0, read: 0 };
  /** Whether the pass under way may leave keys out. */
  sparse = false;
  /** Share of the keys that an attention reads at most. */
  budget: number;
  /** Told which positions a head reads, where single tokens are chosen; the view is overwritten. */
  reading: ((layer: number, g: number, positions: Int32Array) => void) | undefined;
  readonly #kernels: Kernels;
  readonly #memory: WebAssembly.Memory;
  readonly #at: KeepingMemory;
  readonly #pages: PageTable;
  readonly #layers: readonly KeptLayer[];
  readonly #headSize: number;
  readonly #policy: Policy;
  readonly #least: number;
  readonly #mass: Mass | undefined;
  /** Address of each page's index, by the page's own address. */
  readonly #indexOf: ReadonlyMap<number, number>;
  #indexed = 0;

  /**
   * Throws `bad_keeping` for a policy that needs a skew where the pack has none.
   *
   * @param plan has the KV pages, and the page table of the timeline that runs
   */
  constructor(
    kernels: Kernels,
    memory: WebAssembly.Memory,
    at: KeepingMemory,
    plan: Pick<MemoryPlan, "pages" | "scratch">,
    layers: readonly KeptLayer[],
    headSize: number,
    { name, budget, least = 1 }: Keeping,
  ) {
    this.#kernels = kernels;
    this.#memory = memory;
    this.#at = at;
    this.#pages = plan.scratch.pageTable;
    this.#layers = layers;
    this.#headSize = headSize;
    this.#policy = POLICIES[name];
    this.budget = budget;
    this.#least = least;
    const { scores } = this.#policy;
    if (scores?.kind === "index" && scores.skewed && layers.some(({ skew }) => skew.length === 0)) {
      throw new OutriderError(
        "bad_keeping",
        `policy ${name} needs a pack with a skew; make one with a recipe whose last stage is {"stage": "skew"}`,
      );
    }
    this.#mass = scores?.kind === "mass" ? new Mass(scores, layers) : undefined;
    const gathered = new Uint32Array(memory.buffer, at.gatheredTable, at.gatheredPages);
    for (let n = 0; n < gathered.length; n++) gathered[n] = at.gathered + n * headBlockBytes(headSize);
    this.#indexOf = new Map(plan.pages.map((page, n) => [page, at.index + n * at.pageIndexBytes]));
  }

  /** Whether the queries of a layer are foretold by the layer before it. */
  foretells(layer: number): boolean {
    const { scores, whole } = this.#policy;
    return this.sparse && scores?.kind === "index" && scores.ahead && layer >= whole && layer < this.#layers.length;
  }

  /** Where queries that were foretold for the next layer go: (T, H·D). */
  get foretold(): Floats {
    return this.#at.foretold;
  }

  /** Begins a pass over `cache`: indexes its full pages. `sparse` where the pass may leave keys out. */
  begin(cache: KvCache, sparse: boolean): void {
    this.sparse = sparse;
    this.#mass?.begin(cache, sparse);
    const { scores } = this.#policy;
    const full = Math.floor(cache.slots / PAGE_TOKENS);
    this.#indexed = full;
    if (scores?.kind !== "index") return;
    for (let page = Math.floor(cache.indexed / PAGE_TOKENS); page < full; page++) {
      this.#indexPage(cache.pages[page]!, scores);
    }
    cache.indexed = full * PAGE_TOKENS;
    if (!sparse) return;
    const table = new Uint32Array(this.#memory.buffer, this.#at.indexTable, full);
    for (let page = 0; page < full; page++) table[page] = this.#indexOf.get(cache.pages[page]!)!;
  }

  #indexPage(page: number, scores: IndexScores): void {
    const D = this.#headSize;
    const keys = new Float32Array(PAGE_TOKENS * D);
    let to = this.#indexOf.get(page)!;
    for (const layer of this.#layers) {
      for (let g = 0; g < layer.kvHeads; g++) {
        const skew = skewOf(layer, g);
        const W = scores.width(D, skew.length / D);
        const rows = new Float32Array(scores.rows * W);
        readKeys(this.#memory.buffer, page + layer.offset + g * headBlockBytes(D), D, keys);
        scores.fill(keys, D, skew, rows);
        writeRows(this.#memory.buffer, to, rows, scores.rows, W);
        to += indexBytes(scores.rows, W);
      }
    }
  }

  /**
   * Attention of T tokens of one layer at `position` …, whose keys are in the pages already. `row` is the first one's
   * row in the pass.
   */
  attend(layer: number, queries: Queries, T: number, position: number, row: number): void {
    const { q, stride, out, outStride } = queries;
    const { heads: H, kvHeads: G, offset } = this.#layers[layer]!;
    const D = this.#headSize;
    if (!this.sparse || layer < this.#policy.whole) {
      const { scratch } = this.#at;
      this.#kernels.attention(q, stride, T, H, G, D, this.#pages, offset, position, out, outStride, scratch);
      if (this.sparse) for (let t = 1; t <= T; t++) this.#count(G, position + t, position + t);
    } else {
      for (let t = 0; t < T; t++) {
        for (let g = 0; g < G; g++) this.#attendHead(layer, g, t, position + t + 1, queries, row + t);
      }
      return;
    }
    if (!this.#mass) return;
    for (let t = 0; t < T; t++) {
      for (let g = 0; g < G; g++) {
        const query = floatsAfter(q, t * stride + g * (H / G) * D);
        this.#observe(layer, g, query, this.#pages, offset + g * headBlockBytes(D), position + t + 1);
      }
    }
  }

  #attendHead(layer: number, g: number, t: number, count: number, queries: Queries, row: number): void {
    const { q, stride, out, outStride } = queries;
    const { heads: H, kvHeads: G, offset } = this.#layers[layer]!;
    const D = this.#headSize;
    const share = H / G;
    const at = this.#at;
    const query = floatsAfter(q, t * stride + g * share * D);
    const to = floatsAfter(out, t * outStride + g * share * D);
    const blockOffset = offset + g * headBlockBytes(D);
    const run = (pages: PageTable, from: Bytes, keys: number): void => {
      this.#kernels.attention(query, 0, 1, share, 1, D, pages, from, keys - 1, to, 0, at.scratch);
      this.#count(1, count, keys);
    };
    const most = Math.max(this.#least, Math.floor(this.budget * count));
    if (most >= count) {
      run(this.#pages, blockOffset, count);
      return;
    }
    const foretold = this.foretells(layer) ? floatsAfter(at.foretold, (row * G + g) * share * D) : query;
    if (this.#policy.unit === "page") {
      const keys = this.#choosePages(layer, g, foretold, count, most);
      run(at.chosenTable, blockOffset, keys);
      return;
    }
    const positions = this.#chooseTokens(layer, g, foretold, count, most);
    this.reading?.(layer, g, positions);
    this.#kernels.gatherKeys(at.positions, positions.length, D, this.#pages, blockOffset, at.gathered);
    run(at.gatheredTable, 0, positions.length);
    if (this.#mass?.all) {
      const shares = this.#observed(positions.length, query, share, at.gatheredTable, 0);
      this.#mass.addAt(layer, g, positions, shares);
    }
  }

  #count(heads: number, held: number, read: number): void {
    this.read.held += heads * held;
    this.read.read += heads * read;
  }

  /** Writes the chosen positions, rising, to memory; returns a view of them. */
  #chooseTokens(layer: number, g: number, query: Floats, count: number, most: number): Int32Array {
    const at = this.#at;
    const sinks = this.#policy.sinks(most);
    // What no index has is read whatever it costs.
    const newest = this.#policy.scores?.kind === "index" ? count - this.#indexed * PAGE_TOKENS : 1;
    const recent = Math.max(newest, this.#policy.recent(most));
    const end = Math.max(sinks, count - recent);
    const left = Math.max(0, most - sinks - (count - end));
    const positions = new Int32Array(this.#memory.buffer, at.positions, count);
    for (let i = 0; i < sinks; i++) positions[i] = i;
    let chosen = sinks;
    if (left > 0 && end > sinks) chosen += this.#chooseBetween(layer, g, query, sinks, end, left);
    for (let i = end; i < count; i++) positions[chosen++] = i;
    return positions.subarray(0, chosen);
  }

  /** Chooses at most `left` of the positions `from` … `end` − 1 and writes them behind the sinks. */
  #chooseBetween(layer: number, g: number, query: Floats, from: number, end: number, left: number): number {
    const { scores } = this.#policy;
    const at = this.#at;
    const { buffer } = this.#memory;
    if (this.#mass)
      return this.#mass.choose(layer, g, from, end, left, new Int32Array(buffer, at.positions + 4 * from));
    if (scores?.kind !== "index") return 0;
    this.#scorePages(layer, g, query, scores, this.#indexed);
    const n = end - from;
    const found = this.#kernels.chooseBest(at.scores + 4 * from, n, scores.reach, left, at.positions + 4 * from);
    const positions = new Int32Array(buffer, at.positions + 4 * from, found);
    for (let i = 0; i < found; i++) positions[i]! += from;
    return found;
  }

  /** Writes a table of the chosen pages, the newest last; returns how many keys they hold. */
  #choosePages(layer: number, g: number, query: Floats, count: number, most: number): number {
    const at = this.#at;
    const { buffer } = this.#memory;
    const { scores } = this.#policy;
    const pages = Math.ceil(count / PAGE_TOKENS);
    const held = new Uint32Array(buffer, this.#pages, pages);
    const table = new Uint32Array(buffer, at.chosenTable, pages);
    const newest = Math.min(this.#indexed, pages - 1);
    const left = Math.floor((most - (count - newest * PAGE_TOKENS)) / PAGE_TOKENS);
    let chosen = 0;
    if (left > 0 && newest > 0 && scores?.kind === "index") {
      this.#scorePages(layer, g, query, scores, newest);
      keepBestOfPages(new Float32Array(buffer, at.scores, newest * scores.rows), scores.rows);
      const found = this.#kernels.chooseBest(at.scores, newest, scores.reach, left, at.positions);
      const numbers = new Int32Array(buffer, at.positions, found);
      for (; chosen < found; chosen++) table[chosen] = held[numbers[chosen]!]!;
    }
    const keys = chosen * PAGE_TOKENS + count - newest * PAGE_TOKENS;
    for (let page = newest; page < pages; page++) table[chosen++] = held[page]!;
    return keys;
  }

  /** Scores of the rows of the first `pages` pages, in logits of attention. */
  #scorePages(layer: number, g: number, query: Floats, scores: IndexScores, pages: number): void {
    const at = this.#at;
    const D = this.#headSize;
    const own = this.#layers[layer]!;
    const share = own.heads / own.kvHeads;
    const skew = skewOf(own, g);
    const W = scores.width(D, skew.length / D);
    const queries = new Float32Array(this.#memory.buffer, query, share * D);
    const probes = new Float32Array(this.#memory.buffer, at.probes, share * W);
    for (let h = 0; h < share; h++) {
      scores.probe(queries.subarray(h * D, (h + 1) * D), skew, probes.subarray(h * W, (h + 1) * W));
    }
    const toLogits = 1 / Math.sqrt(D);
    for (let i = 0; i < probes.length; i++) probes[i]! *= toLogits;
    let before = g;
    for (let l = 0; l < layer; l++) before += this.#layers[l]!.kvHeads;
    const offset = before * indexBytes(scores.rows, W);
    this.#kernels.scoreRows(at.probes, share, W, scores.rows, at.indexTable, offset, pages, at.scores, at.rowScratch);
  }

  /** The share that each of `count` positions got of the attention of a group's queries. */
  #observed(count: number, query: Floats, share: number, pages: PageTable, blockOffset: Bytes): Float32Array {
    const { mass, scratch } = this.#at;
    const shares = new Float32Array(this.#memory.buffer, mass, count);
    shares.fill(0);
    this.#kernels.addAttention(query, share, this.#headSize, pages, blockOffset, count, mass, scratch);
    return shares;
  }

  #observe(layer: number, g: number, query: Floats, pages: PageTable, blockOffset: Bytes, count: number): void {
    const { heads, kvHeads } = this.#layers[layer]!;
    this.#mass?.add(layer, g, this.#observed(count, query, heads / kvHeads, pages, blockOffset));
  }
}

const skewOf = ({ skew, kvHeads }: KeptLayer, g: number): Float32Array => {
  const each = skew.length / kvHeads;
  return each === 0 ? EMPTY : skew.subarray(g * each, (g + 1) * each);
};

/** The best of each `rows` scores, to the front. */
function keepBestOfPages(scores: Float32Array, rows: number): void {
  for (let page = 0; page < scores.length / rows; page++) {
    let best = scores[page * rows]!;
    for (let r = 1; r < rows; r++) best = Math.max(best, scores[page * rows + r]!);
    scores[page] = best;
  }
}
