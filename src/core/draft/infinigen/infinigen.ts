/**
 * Lee et al. 2024, InfiniGen (arXiv 2406.19707), sections 4.2 and 4.3: a draft step reads a share of the keys. While
 * layer i − 1 runs, its input goes through the norm and the query weights of layer i. The authors' code takes the norm
 * of layer i − 1, which foretells worse (docs/record/keeping.md). The query that comes out is near the true one, as the
 * residual stream changes slowly. Its product with the partial keys of layer i speculates the scores. Keys within α of
 * the best are read, and no more than the budget.
 *
 * RoPE lies between the weights and the skew, so the whole query projection is computed, as in the authors' code for
 * Llama, and not a part of it. Each key/value head counts the keys of its own query heads, where the authors take
 * the mean count of all heads. Keys of the newest page that is not full are always read: no index has them.
 *
 * The kernels take a table of pages, so chosen tokens are copied side by side into pages of their own. Indexes lie
 * beside the pages in the model's memory (memory.ts). Everything is kept, so a choice can change how fast and how well
 * is drafted and nothing else.
 */
import { headBlockBytes, indexBytes, type Kernels, PAGE_TOKENS } from "../../kernels/abi.ts";
import { type Bytes, type Floats, floatsAfter, type PageTable } from "../../kernels/address.ts";
import { OutriderError } from "../../model/errors.ts";
import type { KvCache } from "../cache.ts";
import type { ChoosingAttention, Queries } from "../forward.ts";
import type { KeyBudget } from "../key-policy.ts";
import type { MemoryPlan } from "../memory-plan.ts";
import type { InfiniGenMemory } from "./memory.ts";
import { readKeys, turn, writeRows } from "./page-keys.ts";

/** Heads of a layer of the model, and the skew of each key/value head (compress/stages/skew.ts). */
export interface SkewedLayer {
  readonly heads: number;
  readonly kvHeads: number;
  /** Bytes of a page before this layer. */
  readonly offset: Bytes;
  /** (G, channels, D) */
  readonly skew: Float32Array;
}

/** How many keys attentions of a draft step could have read, and how many they did. */
interface KeysRead {
  held: number;
  read: number;
}

/** α of the paper for Llama: keys whose score is more than this below the best are not read, in logits of attention. */
const ALPHA = 5;
/** Nothing speculates the first layer, which reads all keys. */
const WHOLE = 1;

/** Writes to `out` the queries of layer `layer`, (T, H·D), of T tokens of the pass from row `row` on (foretell.ts). */
type Foretell = (layer: number, row: number, T: number, out: Floats) => void;

export class InfiniGen implements ChoosingAttention {
  readonly read: KeysRead = { held: 0, read: 0 };
  /** Whether the pass under way may leave keys out. */
  sparse = false;
  readonly #kernels: Kernels;
  readonly #memory: WebAssembly.Memory;
  readonly #at: InfiniGenMemory;
  readonly #pages: PageTable;
  readonly #layers: readonly SkewedLayer[];
  readonly #headSize: number;
  readonly #budget: Required<KeyBudget>;
  /** Address of each page's index, by the page's own address. */
  readonly #indexOf: ReadonlyMap<number, number>;
  readonly #foretell: Foretell;
  #indexed = 0;

  /**
   * Throws `bad_key_policy` where the pack has no skew.
   *
   * @param plan has the KV pages, and the page table of the timeline that runs
   */
  constructor(
    kernels: Kernels,
    memory: WebAssembly.Memory,
    at: InfiniGenMemory,
    plan: Pick<MemoryPlan, "pages" | "scratch">,
    layers: readonly SkewedLayer[],
    headSize: number,
    { share, least = 1 }: KeyBudget,
    foretell: Foretell,
  ) {
    this.#foretell = foretell;
    this.#kernels = kernels;
    this.#memory = memory;
    this.#at = at;
    this.#pages = plan.scratch.pageTable;
    this.#layers = layers;
    this.#headSize = headSize;
    this.#budget = { share, least };
    if (layers.some(({ skew }) => skew.length === 0)) {
      throw new OutriderError(
        "bad_key_policy",
        'infinigen needs a pack with a skew; make one with a recipe whose last stage is {"stage": "skew"}',
      );
    }
    const gathered = new Uint32Array(memory.buffer, at.gatheredTable, at.gatheredPages);
    for (let n = 0; n < gathered.length; n++) gathered[n] = at.gathered + n * headBlockBytes(headSize);
    this.#indexOf = new Map(plan.pages.map((page, n) => [page, at.index + n * at.pageIndexBytes]));
  }

  /** Begins a pass over `cache`: indexes its full pages. `sparse` where the pass may leave keys out. */
  begin(cache: KvCache, sparse: boolean): void {
    this.sparse = sparse;
    const full = Math.floor(cache.slots / PAGE_TOKENS);
    this.#indexed = full;
    for (let page = Math.floor(cache.indexed / PAGE_TOKENS); page < full; page++) this.#indexPage(cache.pages[page]!);
    cache.indexed = full * PAGE_TOKENS;
    if (!sparse) return;
    const table = new Uint32Array(this.#memory.buffer, this.#at.indexTable, full);
    for (let page = 0; page < full; page++) table[page] = this.#indexOf.get(cache.pages[page]!)!;
  }

  #indexPage(page: number): void {
    const D = this.#headSize;
    const keys = new Float32Array(PAGE_TOKENS * D);
    let to = this.#indexOf.get(page)!;
    for (const layer of this.#layers) {
      for (let g = 0; g < layer.kvHeads; g++) {
        const skew = skewOf(layer, g);
        const W = skew.length / D;
        const rows = new Float32Array(PAGE_TOKENS * W);
        readKeys(this.#memory.buffer, page + layer.offset + g * headBlockBytes(D), D, keys);
        for (let t = 0; t < PAGE_TOKENS; t++) turn(keys.subarray(t * D, (t + 1) * D), skew, rows.subarray(t * W));
        writeRows(this.#memory.buffer, to, rows, PAGE_TOKENS, W);
        to += indexBytes(W);
      }
    }
  }

  attend(layer: number, queries: Queries, T: number, position: number, row: number): void {
    if (this.#foretold(layer + 1)) this.#foretell(layer + 1, row, T, this.#queriesOf(layer + 1, row));
    const { heads: H, kvHeads: G, offset } = this.#layers[layer]!;
    if (this.#foretold(layer)) {
      for (let t = 0; t < T; t++) {
        for (let g = 0; g < G; g++) this.#attendHead(layer, g, t, position + t + 1, queries, row + t);
      }
      return;
    }
    const { q, stride, out, outStride } = queries;
    const { scratch } = this.#at;
    this.#kernels.attention(q, stride, T, H, G, this.#headSize, this.#pages, offset, position, out, outStride, scratch);
    if (this.sparse) for (let t = 1; t <= T; t++) this.#count(G, position + t, position + t);
  }

  /** Whether the queries of a layer are foretold by the layer before it. */
  #foretold(layer: number): boolean {
    return this.sparse && layer >= WHOLE && layer < this.#layers.length;
  }

  /** Where the foretold queries of a layer are, from row `row` on. A layer reads its own while those of the next one are written. */
  #queriesOf(layer: number, row: number): Floats {
    return floatsAfter(this.#at.foretold[layer % 2 === 0 ? 0 : 1], row * this.#layers[layer]!.heads * this.#headSize);
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
    const most = Math.max(this.#budget.least, Math.floor(this.#budget.share * count));
    if (most >= count) {
      run(this.#pages, blockOffset, count);
      return;
    }
    const keys = this.#choose(layer, g, floatsAfter(this.#queriesOf(layer, row), g * share * D), count, most);
    this.#kernels.gatherKeys(at.positions, keys, D, this.#pages, blockOffset, at.gathered);
    run(at.gatheredTable, 0, keys);
  }

  #count(heads: number, held: number, read: number): void {
    this.read.held += heads * held;
    this.read.read += heads * read;
  }

  /** Writes the chosen positions, rising, to memory; returns how many. */
  #choose(layer: number, g: number, query: Floats, count: number, most: number): number {
    const at = this.#at;
    const end = this.#indexed * PAGE_TOKENS;
    const left = Math.max(0, most - (count - end));
    let chosen = 0;
    if (left > 0 && end > 0) {
      this.#score(layer, g, query);
      chosen = this.#kernels.chooseBest(at.scores, end, ALPHA, left, at.positions);
    }
    const positions = new Int32Array(this.#memory.buffer, at.positions, count);
    for (let i = end; i < count; i++) positions[chosen++] = i;
    return chosen;
  }

  /** Scores of the indexed keys, in logits of attention. */
  #score(layer: number, g: number, query: Floats): void {
    const at = this.#at;
    const D = this.#headSize;
    const own = this.#layers[layer]!;
    const share = own.heads / own.kvHeads;
    const skew = skewOf(own, g);
    const W = skew.length / D;
    const queries = new Float32Array(this.#memory.buffer, query, share * D);
    const probes = new Float32Array(this.#memory.buffer, at.probes, share * W);
    for (let h = 0; h < share; h++)
      turn(queries.subarray(h * D, (h + 1) * D), skew, probes.subarray(h * W, (h + 1) * W));
    const toLogits = 1 / Math.sqrt(D);
    for (let i = 0; i < probes.length; i++) probes[i]! *= toLogits;
    let before = g;
    for (let l = 0; l < layer; l++) before += this.#layers[l]!.kvHeads;
    const offset = before * indexBytes(W);
    const { probes: from, indexTable, scores, rowScratch } = at;
    this.#kernels.scoreRows(from, share, W, indexTable, offset, this.#indexed, scores, rowScratch);
  }
}

const skewOf = ({ skew, kvHeads }: SkewedLayer, g: number): Float32Array => {
  const each = skew.length / kvHeads;
  return skew.subarray(g * each, (g + 1) * each);
};
