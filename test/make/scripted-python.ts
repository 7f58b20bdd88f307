/** The Python of `outrider draft` as a script in TypeScript: it writes what the programs write, without a model. */
import { appendFileSync, cpSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import type { Machine } from "../../src/make/machine.ts";
import type { ProgramOptions, Python } from "../../src/make/python.ts";
import { stopped } from "../../src/model/errors.ts";

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
