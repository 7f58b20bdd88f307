#!/usr/bin/env node
/** The `outrider` command: one word, one module. Needs Node 24's type stripping, which npm puts first on PATH. */
import { OutriderError } from "./model/errors.ts";

const USAGE = `outrider <command>

  start      prepare the models if needed, then run edge and embedded origin at http://localhost:8787
  prepare    obtain the target of a pair and make its pack
  import     turn a GGUF file into a pack
  squeeze    make the pack of a recipe, from any Llama
  eval       figures of packs: perplexity on a text, acceptance on what their target wrote, size, speed
  report     a page of such figures, and of what was lost where
  corpus     text that a target wrote, to train and calibrate on
  inspect    measure each operation of a pack against the roofs of this machine
  origin     run an origin gateway: --engine wasm --model <pack> --port <port>

outrider <command> --help says more.`;

const COMMANDS: Record<string, () => Promise<(argv: string[]) => Promise<void>>> = {
  start: async () => (await import("./commands/start.ts")).startCommand,
  prepare: async () => (await import("./commands/prepare.ts")).prepareCommand,
  import: async () => (await import("./commands/prepare.ts")).importCommand,
  squeeze: async () => (await import("./commands/prepare.ts")).squeezeCommand,
  eval: async () => (await import("./commands/eval.ts")).evalCommand,
  report: async () => (await import("./commands/report.ts")).reportCommand,
  corpus: async () => (await import("./commands/corpus.ts")).corpusCommand,
  inspect: async () => (await import("./commands/inspect.ts")).inspectCommand,
  origin: async () => (await import("./commands/origin.ts")).originCommand,
};

const [name = "", ...rest] = process.argv.slice(2);
const command = COMMANDS[name];
if (!command) {
  console.error(name === "" || name === "--help" ? USAGE : `unknown command ${name}\n\n${USAGE}`);
  process.exitCode = name === "--help" ? 0 : 2;
} else {
  try {
    await (await command())(rest);
  } catch (error) {
    // Expected failures are sentences; anything else is a fault of ours and keeps its stack.
    console.error(error instanceof OutriderError ? `outrider ${name}: ${error.message}` : error);
    process.exitCode = 1;
  }
}
