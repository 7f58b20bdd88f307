/**
 * A Llama loaded into WASM memory: weights once, a pool of KV pages, scratch for one forward pass.
 * Both the drafter at the edge and the wasm engine at the origin run on it.
 */
import type { PackHeader } from "../format/pack-header.ts";
import { headBlockBytes, type Kernels, PAGE_TOKENS } from "../kernels/abi.ts";
import { bindKernels, type KernelModules, pickModule } from "../kernels/wasm.ts";
import { blockShape } from "../model/config.ts";
import { OutriderError } from "../model/errors.ts";
import { scaledFrequency } from "../model/rope.ts";
import { type BlockSuffix, blockTensor, EMBEDDING, FINAL_NORM, HEAD, SKEW } from "../model/tensors.ts";
import { TokenRows } from "../model/token-rows.ts";
import type { Sibling } from "../speculate/types.ts";
import { atRest } from "./at-rest.ts";
import { KvCache, PagePool } from "./cache.ts";
import { type Block, forward, type Weights } from "./forward.ts";
import { foretellQueries } from "./infinigen/foretell.ts";
import { InfiniGen, type SkewedLayer } from "./infinigen/infinigen.ts";
import type { KeyBudget } from "./key-policy.ts";
import { joinMatrices, type Matrix, matrixOf } from "./matrix.ts";
import { CHUNK, type MemoryPlan, planMemory } from "./memory-plan.ts";
import { movesOf } from "./moves.ts";

interface LoadOptions {
  /** KV pages of 32 tokens in the pool that all caches share. */
  readonly pages: number;
  /** Most rows of logits of one call: 1 to draft, MAX_DRAFT + 1 to verify. At most CHUNK. */
  readonly rows: number;
  /** Which keys the attention of passes with logits reads; all when absent. Passes without logits read all. */
  readonly infinigen?: KeyBudget | undefined;
  /** Takes the kernels and the memory plan, returns the kernels to run instead. For tracing calls. */
  readonly observe?: (kernels: Kernels, plan: MemoryPlan) => Kernels;
}

/** Yields the bytes of shard `index` in order. Rejects at the end unless they have the SHA-256 of the header. */
export type ShardReader = (index: number) => AsyncIterable<Uint8Array>;

/**
 * Streams the shards of a pack into a fresh memory. Rejects with the reader's error, with `corrupt_shard`, or with
 * `RangeError` for more rows than CHUNK.
 */
export async function loadLlama(
  header: PackHeader,
  shards: ShardReader,
  modules: KernelModules,
  options: LoadOptions,
): Promise<Llama> {
  if (options.rows > CHUNK) {
    throw new RangeError(`${options.rows} rows of logits: one pass has ${CHUNK} tokens; load the model for fewer`);
  }
  const plan = planMemory(header, options.pages, options.rows, options.infinigen);
  const memory = memoryOf(plan);
  for (let index = 0; index < header.shards.length; index++) await loadShard(header, plan, memory, shards, index);
  const kernels = bindKernels(pickModule(modules), memory);
  return new Llama(header, options.observe?.(kernels, plan) ?? kernels, memory, plan, options.rows, options.infinigen);
}

/** WebAssembly's addresses end at 4 GiB. */
const MOST_PAGES = 65536;

function memoryOf({ bytes }: MemoryPlan): WebAssembly.Memory {
  const pages = Math.ceil(bytes / 65536);
  const needs = `this model and its KV pages need ${(bytes / 2 ** 30).toFixed(1)} GiB`;
  const less = "take fewer tokens of context, or an engine that runs the model outside (--engine llama)";
  if (!(pages <= MOST_PAGES)) {
    throw new OutriderError("too_large", `${needs}, and one WebAssembly memory ends at 4 GiB; ${less}`, {
      status: 500,
    });
  }
  try {
    return new WebAssembly.Memory({ initial: pages });
  } catch (cause) {
    throw new OutriderError("too_large", `${needs}, which this machine does not give; ${less}`, { status: 500, cause });
  }
}

/** Copies each part of a shard to where it belongs while the bytes arrive. */
async function loadShard(
  header: PackHeader,
  plan: MemoryPlan,
  memory: WebAssembly.Memory,
  shards: ShardReader,
  index: number,
): Promise<void> {
  const bytes = new Uint8Array(memory.buffer);
  const moves = movesOf(header, plan, index);
  let at = 0;
  let next = 0;
  for await (const chunk of shards(index)) {
    const end = at + chunk.length;
    for (let i = next; i < moves.length; i++) {
      const move = moves[i]!;
      if (move.from >= end) break;
      const from = Math.max(move.from, at);
      const to = Math.min(move.from + move.bytes, end);
      if (to > from) bytes.set(chunk.subarray(from - at, to - at), move.to + (from - move.from));
      if (move.from + move.bytes <= end) next = i + 1;
    }
    at = end;
  }
  if (next < moves.length) {
    const file = header.shards[index]?.file;
    throw new OutriderError("corrupt_shard", `${file} ended after ${at} bytes; make the pack again`, { status: 500 });
  }
}

export class Llama {
  readonly header: PackHeader;
  readonly pool: PagePool;
  /** Which token each column of the logits belongs to. */
  readonly tokens: TokenRows;
  /** Bytes of the model's whole memory: weights, KV pages, scratch. */
  readonly bytes: number;
  readonly #kernels: Kernels;
  readonly #memory: WebAssembly.Memory;
  readonly #plan: MemoryPlan;
  readonly #rows: number;
  readonly #frequencies: Float64Array;
  // Views made once: a step of decoding makes none but the logits it returns.
  readonly #rope: Float32Array;
  readonly #pageTable: Uint32Array;
  /** Chooses which keys are read; absent where all are. */
  readonly infinigen: InfiniGen | undefined;
  #weights: Weights;

  constructor(
    header: PackHeader,
    kernels: Kernels,
    memory: WebAssembly.Memory,
    plan: MemoryPlan,
    rows: number,
    infinigen?: KeyBudget,
  ) {
    const { layers, headSize, ropeTheta, ropeScaling } = header.config;
    this.header = header;
    // Kernels draw by the same table.
    const { tokenIds } = plan;
    this.tokens = new TokenRows(
      header,
      tokenIds === 0 ? undefined : new Uint32Array(memory.buffer, tokenIds, header.config.vocabulary),
    );
    this.bytes = plan.bytes;
    this.#kernels = kernels;
    this.#memory = memory;
    this.#plan = plan;
    this.#rows = rows;
    this.#frequencies = Float64Array.from({ length: headSize / 2 }, (_, i) =>
      scaledFrequency(ropeTheta ** ((-2 * i) / headSize), ropeScaling),
    );
    this.#rope = new Float32Array(memory.buffer, plan.scratch.rope, CHUNK * headSize);
    this.#pageTable = new Uint32Array(
      memory.buffer,
      plan.scratch.pageTable,
      Math.ceil(header.config.context / PAGE_TOKENS),
    );
    this.#weights = bindWeights(
      header,
      plan,
      Array.from({ length: layers }, (_, i) => i),
    );
    this.pool = new PagePool(plan.pages, atRest(header, kernels, memory, plan));
    this.infinigen =
      infinigen &&
      plan.infinigen &&
      new InfiniGen(
        kernels,
        memory,
        plan.infinigen,
        plan,
        skewedLayers(header, plan, memory),
        headSize,
        infinigen,
        (layer, row, T, out) =>
          foretellQueries(kernels, header.config, this.#weights, plan.scratch, layer, row, T, out),
      );
  }

  /**
   * Runs only these layers from now on, in this order: to choose the layers that a depth-pruned copy keeps. Caches made
   * before must not be used again.
   */
  set layers(layers: readonly number[]) {
    this.#weights = bindWeights(this.header, this.#plan, layers);
  }

  /** An empty cache that takes pages from the pool as it grows, `most` at most. */
  newCache(most?: number): KvCache {
    return new KvCache(this.pool, most);
  }

  /**
   * Appends `tokens` to the cache; long runs are cut into chunks. Returns the logits of the last `rows` of them, then
   * those of `siblings`: (rows + siblings, V) floats, a view that the next call overwrites. `this.tokens` maps columns
   * to token ids. A sibling is an alternative to `tokens[at]`, one of the last `rows`, and leaves nothing in the
   * cache. Synchronous: about 5 ms a token for 100M weights. Throws `bad_token` for an id outside the vocabulary,
   * `context_full` past the model's context, `kv_full` when the pool cannot hold the timeline even after evicting
   * other caches; the cache then keeps what it held.
   */
  forward(cache: KvCache, tokens: readonly number[], rows: number, siblings: readonly Sibling[] = []): Float32Array {
    const { config } = this.header;
    const rowsOut = rows + siblings.length;
    if (rows > tokens.length || rowsOut > this.#rows) {
      throw new RangeError(
        `${rowsOut} rows of logits asked for ${tokens.length} tokens; this model was loaded for ${this.#rows}`,
      );
    }
    const rowsIn = [...tokens, ...siblings.map(({ id }) => id)].map((token) => this.tokens.rowOf(token));
    if (cache.tokens.length + tokens.length > config.context) {
      throw new OutriderError("context_full", `the model's context is ${config.context} tokens`);
    }
    const prepare = (count: number): void => {
      cache.reserve(count);
      this.#pageTable.set(cache.pages);
      this.infinigen?.begin(cache, rows > 0);
    };
    // A bounded cache lets go of pages as it reads: it gets room a chunk at a time.
    const bounded = cache.most !== Number.POSITIVE_INFINITY;
    if (!bounded) prepare(tokens.length);
    // One chunk must yield all rows of logits, so the last chunk is at least as long.
    const last = Math.max(rowsOut, rowsIn.length % CHUNK || CHUNK);
    for (let at = 0; at < rowsIn.length; ) {
      const left = rowsIn.length - at;
      const end = at + (left > last ? Math.min(CHUNK, left - last) : left);
      const position = cache.tokens.length;
      const ends = end === rowsIn.length;
      const replaced = ends ? siblings.map((sibling) => sibling.at - at) : [];
      const chain = end - at - replaced.length;
      for (let t = 0; t < chain; t++) this.#fillRope(t, position + t);
      replaced.forEach((index, s) => void this.#fillRope(chain + s, position + index));
      const wanted = ends ? rowsOut : 0;
      if (bounded) prepare(chain);
      const chunk = rowsIn.slice(at, end);
      const slot = cache.slots;
      forward(this.#kernels, config, this.#weights, this.#plan.scratch, chunk, slot, wanted, replaced, this.infinigen);
      cache.extend(tokens.slice(at, end));
      at = end;
    }
    return new Float32Array(this.#memory.buffer, this.#plan.scratch.logits, rowsOut * config.vocabulary);
  }

  /** The token of the largest logit in row `row` of the last forward. In WASM, as the three below. */
  argmax(row: number): number {
    const { vocabulary } = this.header.config;
    return this.tokens.idOf(this.#kernels.argmax(this.#plan.scratch.logits + row * vocabulary * 4, vocabulary));
  }

  /**
   * The token of the largest (logit − largest logit) · scale + noise in row `row` of the last forward, among those
   * whose (logit − largest logit) · scale is at least `floor`.
   * @param key what `noiseKey` returns
   */
  gumbelArgmax(row: number, scale: number, floor: number, key: { a: number; b: number }): number {
    const { vocabulary } = this.header.config;
    const { scratch, tokenIds } = this.#plan;
    const logits = scratch.logits + row * vocabulary * 4;
    return this.tokens.idOf(this.#kernels.gumbelArgmax(logits, vocabulary, tokenIds, scale, floor, key.a, key.b));
  }

  /** ln Σ e^(scale · logit) over row `row` of the last forward. */
  logSumExp(row: number, scale = 1): number {
    const { vocabulary } = this.header.config;
    return this.#kernels.logSumExp(this.#plan.scratch.logits + row * vocabulary * 4, vocabulary, scale);
  }

  /**
   * The logits of at least `cut` in row `row` of the last forward, a view that the next call overwrites; undefined
   * where they are more than the scratch memory holds.
   */
  logitsAbove(row: number, cut: number): Float32Array | undefined {
    const { vocabulary, feedForward } = this.header.config;
    const { logits, gateUp } = this.#plan.scratch;
    const room = CHUNK * 2 * feedForward;
    const count = this.#kernels.gatherAbove(logits + row * vocabulary * 4, vocabulary, cut, gateUp, room);
    return count <= room ? new Float32Array(this.#memory.buffer, gateUp, count) : undefined;
  }

  #fillRope(row: number, position: number): void {
    const half = this.#frequencies.length;
    for (let i = 0; i < half; i++) {
      const angle = position * this.#frequencies[i]!;
      this.#rope[row * 2 * half + i] = Math.cos(angle);
      this.#rope[row * 2 * half + half + i] = Math.sin(angle);
    }
  }
}

/** The layers as a policy sees them. */
function skewedLayers({ config }: PackHeader, plan: MemoryPlan, { buffer }: WebAssembly.Memory): SkewedLayer[] {
  const { headSize, skew = 0 } = config;
  let offset = 0;
  return Array.from({ length: config.layers }, (_, layer) => {
    const { heads, kvHeads } = blockShape(config, layer);
    const own = offset;
    offset += kvHeads * headBlockBytes(headSize);
    const at = plan.tensors.get(blockTensor(layer, SKEW));
    const floats = at === undefined ? new Float32Array(0) : new Float32Array(buffer, at, kvHeads * skew * headSize);
    return { heads, kvHeads, offset: own, skew: floats };
  });
}

const QKV = ["q", "k", "v"] as const;

function bindWeights(header: PackHeader, plan: MemoryPlan, layers: readonly number[]): Weights {
  const { qkvBias, qkNorm, tied } = header.config;
  const matrix = (name: string): Matrix => matrixOf(header, plan, name);
  const vector = (name: string): number => plan.tensors.get(name)!;
  const blocks = layers.map((layer): Block => {
    const at = (suffix: BlockSuffix): Matrix => matrix(blockTensor(layer, suffix));
    const vectorAt = (suffix: BlockSuffix): number => vector(blockTensor(layer, suffix));
    return {
      ...blockShape(header.config, layer),
      attentionNorm: vectorAt("input_layernorm.weight"),
      qkv: joinMatrices(QKV.map((name) => at(`self_attn.${name}_proj.weight`))),
      qkvBias: qkvBias && QKV.map((name) => vectorAt(`self_attn.${name}_proj.bias`)),
      qkNorm: qkNorm && { q: vectorAt("self_attn.q_norm.weight"), k: vectorAt("self_attn.k_norm.weight") },
      o: at("self_attn.o_proj.weight"),
      feedForwardNorm: vectorAt("post_attention_layernorm.weight"),
      gateUp: joinMatrices([at("mlp.gate_proj.weight"), at("mlp.up_proj.weight")]),
      down: at("mlp.down_proj.weight"),
    };
  });
  return {
    embedding: matrix(EMBEDDING),
    blocks,
    norm: vector(FINAL_NORM),
    head: matrix(tied ? EMBEDDING : HEAD),
    activations: header.activations ?? 14,
  };
}
