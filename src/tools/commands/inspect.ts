/** `outrider inspect`: where the time of a pack goes on this machine, and where it would go at its roofs. */
import { writeFile } from "node:fs/promises";
import { cpus } from "node:os";
import { readKeyPolicy } from "../../core/draft/key-policy.ts";
import { type KernelModules, pickModule } from "../../core/kernels/wasm.ts";
import { builtModule, builtModules } from "../../core/platform/built.ts";
import { directoryHeader, shardReader } from "../../core/platform/disk.ts";
import { inspectPack } from "../inspect/inspection.ts";
import { inspectionPage } from "../inspect/inspection-page.ts";
import { inspectionText } from "../inspect/inspection-text.ts";
import { command } from "./command.ts";
import { one, text, whole, wholeNumber } from "./options.ts";
import { checkWritable } from "./writable.ts";

/** Tokens of the prefill. */
const PREFILL = 64;

export const inspectCommand = command({
  examples: [
    ["outrider inspect models/smollm2-135m-draft-m/pack", "a table of operations: measured, and at the roofs"],
    ["outrider inspect draft-pack --html report.html", "the same with a plot"],
    ["outrider inspect draft-pack --position 8000 --key-policy infinigen:0.2", "a step that reads a fifth of its keys"],
  ],
  positionals: { pack: one("PACK", "a pack's directory") },
  options: {
    position: whole("tokens in the cache of the decode step", { from: 0, default: 256 }),
    "key-policy": text("POLICY", "which keys are read, such as near:384 or infinigen:0.2 (docs/record/keeping.md)"),
    html: text("FILE", "also writes the report as a page with a plot"),
  },
  notes: `Measures each operation of a decode step and of a prefill on one thread, and the roofs of this machine: how
fast it reads memory, multiplies and adds.`,
  async run({ pack, position, "key-policy": policy = "all", html }) {
    const keys = readKeyPolicy(policy);
    const header = await directoryHeader(pack);
    const { context } = header.config;
    wholeNumber(position, "--position", 0, context - 1);
    if (html !== undefined) await checkWritable("--html", html);
    const modules = await builtModules();
    const roof = await builtModule("roof");
    const options = { tokens: Math.min(PREFILL, context), position, keys };
    const inspection = await inspectPack(header, shardReader(pack, header), modules, roof, options);
    const processor = cpus()[0]?.model.trim() ?? process.arch;
    const machine = `${processor}, one thread · Node ${process.versions.node}, ${pickedBuild(modules)} kernels`;
    if (html !== undefined) await writeFile(html, inspectionPage(inspection, machine));
    console.log(inspectionText(inspection, machine));
  },
});

const pickedBuild = (modules: KernelModules): string => {
  const picked = pickModule(modules);
  return Object.entries(modules).find(([, module]) => module === picked)![0];
};
