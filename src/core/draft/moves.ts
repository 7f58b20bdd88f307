/** Where the bytes of a shard go in the memory of a loaded model. */
import type { PackHeader } from "../format/pack-header.ts";
import { denseBytes } from "../model/layouts.ts";
import type { MemoryPlan } from "./memory-plan.ts";

/** Bytes of a shard that belong at an address. */
interface Move {
  readonly from: number;
  readonly to: number;
  readonly bytes: number;
}

/**
 * What to copy from shard `index`, in the order of its bytes. A tensor's blocks and its table of outliers have
 * different destinations, so a part that holds the end of one and the start of the other is two moves.
 */
export function movesOf(header: PackHeader, plan: MemoryPlan, index: number): Move[] {
  const moves: Move[] = [];
  for (const [name, tensor] of Object.entries(header.tensors)) {
    const dense = denseBytes(tensor);
    let start = 0;
    for (const { shard, offset, bytes } of tensor.parts) {
      const end = start + bytes;
      if (shard === index) {
        const cut = Math.max(start, Math.min(end, dense));
        if (cut > start) moves.push({ from: offset, to: plan.tensors.get(name)! + start, bytes: cut - start });
        if (end > cut) {
          moves.push({ from: offset + cut - start, to: plan.outliers.get(name)! + cut - dense, bytes: end - cut });
        }
      }
      start = end;
    }
  }
  return moves.sort((a, b) => a.from - b.from);
}
