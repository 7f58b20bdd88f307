/** What this machine can: measured by the library that will do the work. */
import * as z from "zod";
import { OutriderError } from "../../core/model/errors.ts";
import type { Python } from "./python.ts";

const machineSchema = z.object({
  device: z.enum(["cuda", "mps", "cpu"]),
  /** The device in words. */
  name: z.string(),
  threads: z.int().positive(),
  /** Whether products of bf16 are native. */
  bf16: z.boolean(),
  /** Whether teaching runs as compiled code here: a processor, with a C++ compiler. */
  compiles: z.boolean(),
  /** Multiply-adds a second in the type that teaching uses. */
  rate: z.number().positive(),
});
export type Machine = z.infer<typeof machineSchema>;

/** Takes some seconds, most of them to compile a line where there is a compiler. */
export async function measureMachine(python: Python, log: string, signal: AbortSignal): Promise<Machine> {
  let last = "";
  await python.run("machine", [], { log, signal, said: (line) => (last = line) });
  try {
    return machineSchema.parse(JSON.parse(last));
  } catch (cause) {
    throw new OutriderError("python_failed", `machine.py said ${JSON.stringify(last.slice(0, 200))}`, { cause });
  }
}
