/** What a thread of the pool has to know of a kind of task. */
import type { CalibrationKernels } from "../passes/kernels.ts";

/** What a thread works with. */
export interface Thread {
  readonly kernels: CalibrationKernels;
  readonly memory: WebAssembly.Memory;
  /** Address of what `scratchBytes` asked for. */
  readonly scratch: number;
}

/** A kind of task: what each thread needs for it, and one part of it. */
export interface Work<T> {
  scratchBytes(task: T, gemmWorkBytes: number): number;
  run(thread: Thread, task: T, part: number): void;
}
