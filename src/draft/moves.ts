/** Where in the memory of a loaded model the bytes of a shard go. */
import type { PackHeader } from "../format/pack-header.ts";
import { denseBytes } from "../model/layouts.ts";
import type { MemoryPlan } from "./memory-plan.ts";

/** Bytes of a shard that belong at an address. */
export interface Move {
  readonly from: number;
  readonly to: number;
  readonly bytes: number;
}

/** Where the parts in shard `index` go, in its order: a tensor's to its place, its outliers' to theirs. */
export function movesOf(header: PackHeader, arena: MemoryPlan, index: number): Move[] {
  const moves: Move[] = [];
  for (const [name, tensor] of Object.entries(header.tensors)) {
    const dense = denseBytes(tensor);
    let start = 0;
    for (const { shard, offset, bytes } of tensor.parts) {
      const end = start + bytes;
      if (shard === index) {
        const [cut, to] = [Math.max(start, Math.min(end, dense)), arena.tensors.get(name)!];
        if (cut > start) moves.push({ from: offset, to: to + start, bytes: cut - start });
        if (end > cut) {
          moves.push({ from: offset + cut - start, to: arena.outliers.get(name)! + cut - dense, bytes: end - cut });
        }
      }
      start = end;
    }
  }
  return moves.sort((a, b) => a.from - b.from);
}
