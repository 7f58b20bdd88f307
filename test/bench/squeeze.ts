/**
 * `npm run bench squeeze -- --text FILE`: how long the calibrated parts of `outrider squeeze` take on
 * SmolLM2-135M-Instruct and how much memory, beside plain PyTorch (torch_squeeze.py) on the same windows and cores:
 * Wanda and SparseGPT at 50 %, and the diagonal of Fisher's information.
 *
 *   npm run bench squeeze -- --text FILE [--samples N]
 *
 * 128 windows of 512 tokens, 100 for Fisher, or N. Ours is the whole command, from its start to the pack on disk;
 * theirs is the work alone, without imports and reading the model. That both did the same is checked in the same run:
 * perplexity of both results by transformers on windows 300 to 303 of the text, and the sums of Fisher's diagonal by
 * tensor. The last line is JSON.
 *
 * Needs a Python with torch, transformers and gguf: OUTRIDER_PYTHON, or python3. Close other programs; it takes an
 * hour.
 */
import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { readPack } from "../../src/core/format/pack-reader.ts";
import { Tokenizer } from "../../src/core/model/tokenizer.ts";
import { directorySink, openDirectory } from "../../src/core/platform/disk.ts";
import { exportHuggingFace } from "../../src/tools/compress/export-hf.ts";
import { readWindows } from "../../src/tools/text/windows.ts";
import { parseOptions } from "../support/parse-options.ts";
import { prepare } from "../support/prepared.ts";
import { realGguf } from "../support/real.ts";

const ROOT = resolve(import.meta.dirname, "../..");
const PYTHON = process.env.OUTRIDER_PYTHON ?? "python3";
const LENGTH = 512;
/** The windows that results are compared on: the first, and how many. */
const EVALUATED = [300, 4] as const;
/** Run in our process: prints its peak memory in kB when it ends. */
const SAY_PEAK = 'data:text/javascript,process.on("exit",()=>console.error("peak "+process.resourceUsage().maxRSS))';

const { values } = parseOptions({ options: { text: { type: "string" }, samples: { type: "string" } } });
const { text } = values;
if (text === undefined || !/^[1-9]\d*$/.test(values.samples ?? "1")) {
  throw new Error("usage: npm run bench squeeze -- --text FILE [--samples N]");
}

interface Cost {
  readonly seconds: number;
  /** Bytes. */
  readonly peak: number;
}

interface Theirs extends Cost {
  readonly load: number;
  readonly version: string;
  readonly perplexity?: number;
  readonly sums?: Readonly<Record<string, number>>;
}

const { target } = await prepare();
const gguf = await realGguf();
const tokenizer = new Tokenizer(readFileSync(join(target, "tokenizer.json"), "utf8"));
const evaluation = await readWindows(text, tokenizer, ...EVALUATED, LENGTH);
const scratch = mkdtempSync(join(tmpdir(), "outrider-bench-squeeze-"));
const results: Record<string, object> = {};
try {
  await prune("wanda", "wanda-50");
  await prune("sparsegpt", "sparsegpt-50");
  await fisher();
} finally {
  rmSync(scratch, { recursive: true, force: true });
}
console.log(JSON.stringify(results));

async function prune(job: string, recipe: string): Promise<void> {
  const samples = values.samples ?? "128";
  const [pack, checkpoint] = [join(scratch, recipe), join(scratch, "checkpoint")];
  const calibration = ["--calibration", text!, "--samples", samples, "--length", `${LENGTH}`];
  const mine = await ours("src/outrider.ts", ["squeeze", recipe, "--model", gguf, ...calibration, "--out", pack]);
  const their = await theirs(job, gguf, samples);
  await exportHuggingFace(await readPack(openDirectory(pack)), directorySink(checkpoint), "F32");
  const { perplexity } = await theirs("perplexity", checkpoint, "1");
  const figures = { ours: perplexity!, theirs: their.perplexity! };
  report(
    recipe,
    samples,
    mine,
    their,
    { perplexity: figures },
    `perplexity ${figures.ours.toFixed(2)} and ${figures.theirs.toFixed(2)}`,
  );
}

async function fisher(): Promise<void> {
  const samples = values.samples ?? "100";
  const { output, ...mine } = await ours("test/bench/fisher.ts", [gguf, text!, samples]);
  const { sums, ...their } = await theirs("fisher", gguf, samples);
  const own = JSON.parse(output) as Record<string, number>;
  const apart = Math.max(...Object.entries(sums!).map(([name, sum]) => Math.abs(own[name]! / sum - 1)));
  report("fisher", samples, mine, their, { apart }, `sums of a tensor at most ${(100 * apart).toFixed(3)} % apart`);
}

function report(name: string, samples: string, mine: Cost, their: Theirs, check: object, said: string): void {
  const ratio = their.seconds / mine.seconds;
  const cost = ({ seconds, peak }: Cost) => `${seconds.toFixed(1)} s and ${(peak / 1e9).toFixed(2)} GB`;
  console.log(
    `${name}, ${samples} windows: ours ${cost(mine)}, PyTorch ${their.version} ${cost(their)} ` +
      `(and ${their.load.toFixed(1)} s to load); theirs ÷ ours ${ratio.toFixed(2)}; ${said}`,
  );
  const figures = ({ seconds, peak }: Cost) => ({ seconds: Number(seconds.toFixed(1)), peak });
  results[name] = { samples: Number(samples), ours: figures(mine), theirs: figures(their), ratio, ...check };
}

/** Runs one of our programs in a process of its own. */
async function ours(program: string, argv: readonly string[]): Promise<Cost & { output: string }> {
  const started = performance.now();
  const { output, errors } = await run(process.execPath, ["--import", SAY_PEAK, join(ROOT, program), ...argv], "");
  const seconds = (performance.now() - started) / 1000;
  return { seconds, peak: 1024 * Number(/^peak (\d+)$/m.exec(errors)![1]), output };
}

async function theirs(job: string, model: string, samples: string): Promise<Theirs> {
  const calibration = await readWindows(text!, tokenizer, 0, Number(samples), LENGTH);
  const script = join(import.meta.dirname, "torch_squeeze.py");
  const { output } = await run(PYTHON, [script, job, model], JSON.stringify({ calibration, evaluation }));
  return JSON.parse(output) as Theirs;
}

/** Rejects with the process's output if it fails. */
function run(command: string, argv: readonly string[], input: string): Promise<{ output: string; errors: string }> {
  return new Promise((done, fail) => {
    const child = spawn(command, argv, { cwd: process.cwd(), stdio: "pipe" }).on("error", fail);
    let output = "";
    let errors = "";
    child.stdout.setEncoding("utf8").on("data", (chunk) => (output += chunk));
    child.stderr.setEncoding("utf8").on("data", (chunk) => (errors += chunk));
    child.on("close", (code, signal) => {
      if (code === 0) done({ output, errors });
      else fail(new Error(`${command} ${argv.join(" ")} ended with ${code ?? signal}:\n${errors.slice(-3000)}`));
    });
    // A process that failed takes no input; its exit says why.
    child.stdin.on("error", () => {}).end(input);
  });
}
