/** The Python of `outrider draft` as a script in TypeScript: it writes what the programs write, without a model. */
import { appendFileSync, cpSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { decodeTensor } from "../../src/core/model/decode.ts";
import { stopped } from "../../src/core/model/errors.ts";
import { tensorShapes } from "../../src/core/model/tensors.ts";
import { directorySink } from "../../src/core/platform/disk.ts";
import { readModel } from "../../src/core/platform/read-model.ts";
import { exportHuggingFace } from "../../src/tools/compress/export-hf.ts";
import type { Machine } from "../../src/tools/make/machine.ts";
import type { ProgramOptions, Python } from "../../src/tools/make/python.ts";

const PREDICTION_BYTES = 192;

export interface Call {
  readonly program: string;
  readonly args: readonly string[];
}

export class ScriptedPython implements Python {
  readonly calls: Call[] = [];
  /** The program that is interrupted when it has done half of its work. */
  interrupts: string | undefined;

  async run(program: string, args: readonly string[], { said }: ProgramOptions): Promise<void> {
    this.calls.push({ program, args });
    const of = (name: string): string => args[args.indexOf(name) + 1] as string;
    if (program === "machine") {
      const machine: Machine = { device: "cpu", name: "a script", threads: 1, bf16: false, compiles: true, rate: 1e9 };
      return said(JSON.stringify(machine));
    }
    if (program === "write") this.#write(of("--out"));
    if (program === "teach") judge(of("--text"));
    if (program === "cut") {
      const blocks = args.includes("--blocks") ? of("--blocks").split(",").map(Number) : undefined;
      const heads = args.includes("--heads") ? Number(of("--heads")) : undefined;
      await cut(of("--model"), of("--out"), blocks, { heads, channels: Number(of("--channels")) });
    }
    if (program === "distil") {
      mkdirSync(of("--out"), { recursive: true });
      cpSync(of("--student"), of("--out"), { recursive: true });
    }
    said(`${program} is done`);
    if (this.interrupts === program) {
      this.interrupts = undefined;
      throw stopped();
    }
  }

  /** Sixty answers of the tiny model's vocabulary; every fourth is held out. */
  #write(file: string): void {
    for (let n = 0; n < 60; n++) {
      const prompt = [1, 5 + n, 6, 7];
      const answer = Array.from({ length: 12 }, (_, t) => 20 + ((n * 7 + t * 3) % 300));
      const split = n % 4 === 0 ? "held-out" : "train";
      appendFileSync(file, `${JSON.stringify({ prompt, answer, temperature: 0, split })}\n`);
    }
    judge(file);
  }
}

/** Keeps the blocks and the first heads, all unless some are named, and the first channels of each MLP. */
async function cut(
  from: string,
  out: string,
  named: readonly number[] | undefined,
  { heads, channels }: { readonly heads: number | undefined; readonly channels: number },
): Promise<void> {
  const model = await readModel(from);
  const blocks = named ?? Array.from({ length: model.config.layers }, (_, block) => block);
  const config = { ...model.config, layers: blocks.length, heads: heads ?? model.config.heads, feedForward: channels };
  const shapes = tensorShapes(config);
  const tensors = shapes.map(({ name, rows, cols }) => {
    const source = name.replace(/layers\.(\d+)/, (_, block) => `layers.${blocks[Number(block)]}`);
    const whole = model.tensors.get(source)!;
    const values = decodeTensor(whole, whole.bytes);
    const kept = Float32Array.from({ length: rows * cols }, (_, n) => {
      return values[Math.floor(n / cols) * whole.cols + (n % cols)]!;
    });
    return [name, { format: "f32", rows, cols, bytes: new Uint8Array(kept.buffer) }] as const;
  });
  await exportHuggingFace({ ...model, config, tensors: new Map(tensors) }, directorySink(out), "F32");
}

function judge(file: string): void {
  const lines = readFileSync(file, "utf8")
    .split("\n")
    .filter(Boolean)
    .map((line) => JSON.parse(line));
  const positions = lines.reduce((sum, { prompt, answer }) => sum + prompt.length + answer.length - 1, 0);
  const taught = `${file}.taught`;
  if (!existsSync(taught) || readFileSync(taught).length < PREDICTION_BYTES * positions) {
    writeFileSync(taught, Buffer.alloc(PREDICTION_BYTES * positions));
  }
}
