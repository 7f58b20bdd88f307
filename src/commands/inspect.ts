/** `outrider inspect`: where the time of a pack goes on this machine, and where it would go at its roofs. */
import { access, constants, writeFile } from "node:fs/promises";
import { cpus } from "node:os";
import { dirname, resolve } from "node:path";
import { parseArgs } from "node:util";
import { htmlReport } from "../inspect/html.ts";
import { inspectPack } from "../inspect/inspection.ts";
import { report } from "../inspect/report.ts";
import { type KernelModules, pickModule } from "../kernels/wasm.ts";
import { OutriderError } from "../model/errors.ts";
import { builtModule, builtModules } from "../platform/built.ts";
import { directoryHeader, shardReader } from "../platform/disk.ts";

const HELP = `usage: outrider inspect PACK [options]

Measures each operation of a decode step and of a prefill, and the roofs of this machine: reading, multiplying, adding.

  --tokens 64      tokens of the prefill
  --position 256   tokens in the cache of the decode step
  --html FILE      writes the report with a plot too
  --json           prints JSON instead of tables; times in seconds`;

/** Prints the report. Throws `bad_option` for what it does not understand, and what reading a pack throws. */
export async function inspectCommand(argv: string[]): Promise<void> {
  const options = parse(argv);
  if (!options) return console.log(HELP);
  const header = await directoryHeader(options.pack);
  const { context } = header.config;
  if (options.html !== undefined) await checkWritable(dirname(options.html));
  const modules = await builtModules();
  const inspection = await inspectPack(header, shardReader(options.pack, header), modules, await builtModule("roof"), {
    tokens: whole("--tokens", options.tokens, 1, context),
    position: whole("--position", options.position, 0, context - 1),
  });
  const processor = cpus()[0]?.model.trim() ?? process.arch;
  const machine = `${processor}, one thread · Node ${process.versions.node}, ${pickedBuild(modules)} kernels`;
  if (options.html !== undefined) await writeFile(options.html, htmlReport(inspection, machine));
  console.log(options.json ? JSON.stringify({ machine, ...inspection }) : report(inspection, machine));
}

interface Options {
  readonly pack: string;
  readonly tokens: string;
  readonly position: string;
  readonly html: string | undefined;
  readonly json: boolean;
}

function parse(argv: string[]): Options | null {
  const { values, positionals } = parseArguments(argv);
  if (values.help) return null;
  const [pack, ...rest] = positionals;
  if (pack === undefined || rest.length > 0) throw bad(`one pack directory is needed, not ${positionals.length}`);
  return { ...values, pack: resolve(pack), html: values.html && resolve(values.html) };
}

function parseArguments(argv: string[]) {
  try {
    return parseArgs({
      args: argv,
      allowPositionals: true,
      options: {
        tokens: { type: "string", default: "64" },
        position: { type: "string", default: "256" },
        html: { type: "string" },
        json: { type: "boolean", default: false },
        help: { type: "boolean", default: false },
      },
    });
  } catch (cause) {
    throw bad((cause as Error).message);
  }
}

function whole(name: string, text: string, least: number, most: number): number {
  const value = /^\d+$/.test(text) ? Number(text) : -1;
  if (value >= least && value <= most) return value;
  throw bad(`${name} must be a whole number from ${least} to ${most}, what this pack's context allows, not "${text}"`);
}

/** Now rather than after the measurement. */
async function checkWritable(directory: string): Promise<void> {
  await access(directory, constants.W_OK).catch(() => {
    throw bad(`--html cannot write into ${directory}; name a file in a directory that exists`);
  });
}

const pickedBuild = (modules: KernelModules): string => {
  const picked = pickModule(modules);
  return Object.entries(modules).find(([, module]) => module === picked)![0];
};

const bad = (message: string) => new OutriderError("bad_option", `${message}\n\n${HELP}`);
