/**
 * The one memory of a loaded model, laid out from the pack header and grown once, at load:
 *
 *   constants   from address 0 (kernels/constants.ts)
 *   weights     tensors end to end, then tables of outliers
 *   token ids   of the logits' columns, for a trimmed vocabulary
 *   KV pages    a pool of equal pages, and their indexes where a policy chooses what is read (infinigen/)
 *   scratch     one forward pass of up to CHUNK tokens
 *
 * Tensors lie in the order of the header, which is that of the forward pass, so neighbours of one layout are one
 * matrix. Tables of outliers lie in the same order, so the tables of such neighbours are one table. Bump allocation
 * only. Nothing is ever freed or moved, so views into the memory stay valid.
 */
import type { PackHeader } from "../format/pack-header.ts";
import { activationBytes, pageBytes, restBlockBytes } from "../kernels/abi.ts";
import type {
  Floats,
  OutlierTables,
  PagesAtRest,
  PageTable,
  Records,
  TokenIds,
  Workspace,
} from "../kernels/address.ts";
import { CONSTANT_BYTES } from "../kernels/constants.ts";
import { totalKvHeads } from "../model/config.ts";
import { FORMATS } from "../model/formats.ts";
import { denseBytes, type TensorLayout } from "../model/layouts.ts";
import { isTrimmed } from "../model/token-rows.ts";
import { type InfiniGenMemory, infiniGenMemory } from "./infinigen/memory.ts";
import type { KeyBudget } from "./key-policy.ts";

/** Most tokens of one pass through the layers; longer runs are cut. */
export const CHUNK = 32;

export interface MemoryPlan {
  /** Bytes of the whole memory. */
  readonly bytes: number;
  /** Address of each tensor, without its outliers. */
  readonly tensors: ReadonlyMap<string, number>;
  /** Address of each table of outliers, by the name of its tensor. */
  readonly outliers: ReadonlyMap<string, OutlierTables>;
  /** u32 (V), the id of the token of each logit; 0 where that is the logit's index. */
  readonly tokenIds: TokenIds;
  /** Addresses of the KV pages. */
  readonly pages: readonly number[];
  readonly scratch: Scratch;
  /** Absent where every attention reads all keys. */
  readonly infinigen?: InfiniGenMemory | undefined;
}

/** Addresses of the buffers of one forward pass. */
export interface Scratch {
  /** f32 (CHUNK, E), the residual stream. */
  readonly x: Floats;
  /** f32 (CHUNK, (H + 2G)·D): queries, keys, values. */
  readonly qkv: Floats;
  /** f32 (CHUNK, H·D). */
  readonly mixed: Floats;
  /** f32 (CHUNK, 2F). */
  readonly gateUp: Floats;
  /** CHUNK activation records of the widest vector. */
  readonly act: Records;
  /** f32 (CHUNK, D): cosines and sines. */
  readonly rope: Floats;
  /** int32 page addresses of the running timeline. */
  readonly pageTable: PageTable;
  /** The attention kernel's own memory. */
  readonly attention: Workspace;
  /** The matmul kernels' own memory. */
  readonly matmul: Workspace;
  /** A KV page at rest. */
  readonly rest: PagesAtRest;
  /** f32 (rows, V). */
  readonly logits: Floats;
}

/**
 * Bytes of scratch that the matmul of a matrix needs for CHUNK tokens: the tables that the format's kernel makes of
 * their records. `addOutliers` then takes the same memory for the activations as f32.
 */
export function matmulScratch(tensor: TensorLayout): number {
  const { format, cols, outliers } = tensor;
  if (format === "f32") return 0;
  const tables = FORMATS[format].tableBytes?.(cols) ?? 0;
  return CHUNK * Math.max(tables, outliers ? 4 * cols : 0);
}

/** Lays out a model with `pages` KV pages and room for `rows` rows of logits. */
export function planMemory(header: PackHeader, pages: number, rows: number, infinigen?: KeyBudget): MemoryPlan {
  const { heads, kvHeads, headSize, embedding, feedForward, vocabulary, context } = header.config;
  let end = CONSTANT_BYTES;
  const take = (bytes: number): number => {
    const at = Math.ceil(end / 64) * 64;
    end = at + bytes;
    return at;
  };
  const tensors = new Map<string, number>();
  for (const [name, tensor] of Object.entries(header.tensors)) {
    tensors.set(name, end);
    end += denseBytes(tensor);
  }
  const outliers = new Map<string, number>();
  for (const [name, tensor] of Object.entries(header.tensors)) {
    if (!tensor.outliers) continue;
    outliers.set(name, end);
    end += tensor.outliers.bytes;
  }
  // Kernels read it four at a time, as they read logits.
  const tokenIds = isTrimmed(header) ? take(Math.ceil(vocabulary / 4) * 16) : 0;
  const page = pageBytes(totalKvHeads(header.config), headSize);
  const pageAddresses = Array.from({ length: pages }, () => take(page));
  const widest = Math.max(embedding, feedForward, heads * headSize);
  const scratch: Scratch = {
    x: take(CHUNK * embedding * 4),
    qkv: take(CHUNK * (heads + 2 * kvHeads) * headSize * 4),
    mixed: take(CHUNK * heads * headSize * 4),
    gateUp: take(CHUNK * 2 * feedForward * 4),
    act: take(CHUNK * activationBytes(widest)),
    rope: take(CHUNK * headSize * 4),
    pageTable: take(Math.ceil(context / 32) * 4),
    attention: take((Math.ceil(context / 32) * 32 * 4 + headSize * 4) * (heads / kvHeads)),
    matmul: take(Math.max(0, ...Object.values(header.tensors).map(matmulScratch))),
    rest: take(totalKvHeads(header.config) * restBlockBytes(headSize)),
    logits: take(rows * vocabulary * 4),
  };
  const chosen = infinigen && infiniGenMemory(header.config, pages, CHUNK, scratch.attention, take);
  return { bytes: end, tensors, outliers, tokenIds, pages: pageAddresses, scratch, infinigen: chosen };
}
