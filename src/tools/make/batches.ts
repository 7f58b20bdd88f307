/** Batches of the programs that teach, and whether they run as compiled code. */
import type { Machine } from "./machine.ts";

/** Padded positions of a batch. */
const BATCH: Record<Machine["device"], number> = { cuda: 4096, mps: 2048, cpu: 1024 };
const COMPILED_BATCH = 2048;
/** Compiling takes some minutes, which a shorter course does not win back. */
const COMPILED_MINUTES = 30;

/** Whether a course of so many minutes runs as compiled code. */
export const isCompiled = ({ compiles }: Machine, minutes: number): boolean => compiles && minutes >= COMPILED_MINUTES;

/** Padded positions of a batch of a program that compiles nothing. */
export const plainBatch = ({ device }: Machine): number => BATCH[device];

/** How a program runs that has so many minutes, and the padded positions of its batches. */
export function batches(machine: Machine, minutes: number): { readonly compiled: boolean; readonly tokens: number } {
  const compiled = isCompiled(machine, minutes);
  return { compiled, tokens: compiled ? COMPILED_BATCH : plainBatch(machine) };
}
