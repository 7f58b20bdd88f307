/** Bytes that InfiniGen needs in the memory of a model (draft/memory-plan.ts). */
import { headBlockBytes, indexBytes, PAGE_TOKENS } from "../../kernels/abi.ts";
import type { Floats, PageTable, Positions, Workspace } from "../../kernels/address.ts";
import { type LlamaConfig, totalKvHeads } from "../../model/config.ts";

export interface InfiniGenMemory {
  /** Indexes of the pool's pages, one after the other: of each key a few channels in a turned space. */
  readonly index: number;
  readonly pageIndexBytes: number;
  /** int32 addresses of the indexes of the running timeline's pages. */
  readonly indexTable: PageTable;
  /** Head blocks of copied keys, and int32 addresses of them. */
  readonly gathered: Workspace;
  readonly gatheredTable: PageTable;
  readonly gatheredPages: number;
  readonly positions: Positions;
  readonly scores: Floats;
  readonly rowScratch: Workspace;
  readonly probes: Floats;
  /** Two of f32 (tokens of a pass, H·D): foretold queries of this layer and of the next one. */
  readonly foretold: readonly [Floats, Floats];
  /** The attention kernel's own. */
  readonly scratch: Workspace;
}

/** Takes memory for `pages` pages of the pool and passes of `tokens` tokens. */
export function infiniGenMemory(
  config: LlamaConfig,
  pages: number,
  tokens: number,
  scratch: Workspace,
  take: (bytes: number) => number,
): InfiniGenMemory {
  const { heads, kvHeads, headSize: D, skew: width = 0 } = config;
  const most = Math.ceil(config.context / PAGE_TOKENS) + 1;
  const pageIndexBytes = totalKvHeads(config) * indexBytes(width);
  return {
    index: take(pages * pageIndexBytes),
    pageIndexBytes,
    indexTable: take(4 * most),
    gathered: take(most * headBlockBytes(D)),
    gatheredTable: take(4 * most),
    gatheredPages: most,
    positions: take(4 * most * PAGE_TOKENS),
    scores: take(4 * most * PAGE_TOKENS),
    rowScratch: take(4 * width + 4 * most * PAGE_TOKENS),
    probes: take((4 * width * heads) / kvHeads),
    foretold: [take(4 * tokens * heads * D), take(4 * tokens * heads * D)],
    scratch,
  };
}
