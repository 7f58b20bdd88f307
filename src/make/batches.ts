/** Batches of the programs that teach, and whether they run as compiled code. */
import type { Machine } from "./machine.ts";

/** Padded positions of a batch. */
export const BATCH: Record<Machine["device"], number> = { cuda: 4096, mps: 2048, cpu: 1024 };
export const COMPILED_BATCH = 2048;
/** Compiling takes some minutes, which a shorter course does not win back. */
const COMPILED_MINUTES = 30;

/** Whether a course of so many minutes runs as compiled code. */
export const isCompiled = ({ compiles }: Machine, minutes: number): boolean => compiles && minutes >= COMPILED_MINUTES;
