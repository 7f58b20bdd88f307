/** KV pages as they are stored: 3.75 bits a number and a step a token, drawn in `kernels/abi.ts`. */
import type { PackHeader } from "../format/pack-header.ts";
import { type Kernels, restBlockBytes } from "../kernels/abi.ts";
import { totalKvHeads } from "../model/config.ts";
import type { MemoryPlan } from "./memory-plan.ts";

/** How a page of the pool is stored. */
export interface AtRest {
  /** Bytes of a stored page. */
  readonly bytes: number;
  /** The first `tokens` tokens of the page at `address`, as a view that the next call overwrites. */
  pack(address: number, tokens: number): Uint8Array;
  /** Writes the `tokens` tokens of a stored page to the page at `address`. */
  unpack(packed: Uint8Array, tokens: number, address: number): void;
}

/** Bytes of a page of this model at rest. */
export const restBytes = ({ config }: PackHeader): number => totalKvHeads(config) * restBlockBytes(config.headSize);

/** Packs and unpacks in the model's own memory. */
export function atRest(header: PackHeader, kernels: Kernels, memory: WebAssembly.Memory, plan: MemoryPlan): AtRest {
  const { headSize } = header.config;
  const blocks = totalKvHeads(header.config);
  const { rest, attention } = plan.scratch;
  const packed = new Uint8Array(memory.buffer, rest, restBytes(header));
  return {
    bytes: packed.length,
    pack(address, tokens) {
      kernels.packPage(address, blocks, headSize, tokens, rest, attention);
      return packed;
    },
    unpack(bytes, tokens, address) {
      packed.set(bytes);
      kernels.unpackPage(rest, blocks, headSize, tokens, address, attention);
    },
  };
}
