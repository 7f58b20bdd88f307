/**
 * A tiny pair through the whole of `outrider draft`: the target writes and judges, the draft is cut, taught,
 * squeezed and measured. Needs Python, and the package index once (or OUTRIDER_PYTHON).
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { copyFileSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type PackHeader, packBytes } from "../../src/core/format/pack-header.ts";
import { decodeTensor } from "../../src/core/model/decode.ts";
import { tensorShapes } from "../../src/core/model/tensors.ts";
import { readModel } from "../../src/core/platform/read-model.ts";
import { draftedOf, squeezeModel } from "../../src/tools/compress/squeeze.ts";
import { splitOf } from "../../src/tools/corpus/line.ts";
import { Target } from "../../src/tools/corpus/target.ts";
import { evaluate } from "../../src/tools/evaluate/evaluate.ts";
import { configOf } from "../../src/tools/make/base.ts";
import { packRecipe } from "../../src/tools/make/pack-recipe.ts";
import { describeTarget } from "../../src/tools/service/assets.ts";
import { readLines } from "../../src/tools/text/text-file.ts";
import { packHeader, TINY_PACKS } from "../support/tiny.ts";

const COMMAND = path.resolve(import.meta.dirname, "../../outrider.js");
const folder = mkdtempSync(path.join(tmpdir(), "outrider-taught-"));
const out = path.join(folder, "draft");
const story = path.join(folder, "story.txt");

interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs the command as a user does; `interruptAt`: sends Ctrl-C when a line of progress contains it. */
async function draft(args: readonly string[], interruptAt?: string): Promise<Ended> {
  const fixed = ["draft", "--target", TINY_PACKS.target, "--budget", "250KB", "--head", "320", "--out", out];
  const child = spawn(process.execPath, [COMMAND, ...fixed, ...args]);
  const said = { stdout: "", stderr: "" };
  // A second Ctrl-C would end it at once.
  let interrupted = false;
  for (const name of ["stdout", "stderr"] as const) {
    child[name].setEncoding("utf8").on("data", (text: string) => {
      said[name] += text;
      if (interrupted || interruptAt === undefined || !said[name].includes(interruptAt)) return;
      interrupted = child.kill("SIGINT");
    });
  }
  const [code] = (await once(child, "close")) as [number | null];
  return { code, ...said };
}

beforeAll(async () => {
  copyFileSync(new URL("../../models/tiny/story.txt", import.meta.url), story);
  const words = readFileSync(story, "utf8").split(/\s+/);
  const target = await Target.open(TINY_PACKS.target);
  const all = Array.from({ length: 1500 }, (_, n) => `${words.slice(n % 200, (n % 200) + 4).join(" ")} ${n}`);
  const isHeldOut = (text: string) => splitOf(target.prompt([{ role: "user", content: text }])) === "held-out";
  // A third is held out, so that a slow machine, which has few answers, still has some to measure on.
  const heldOut = all.filter(isHeldOut).slice(0, 60);
  const train = all.filter((text) => !isHeldOut(text)).slice(0, 120);
  writeFileSync(path.join(folder, "questions.txt"), [...heldOut, ...train].join("\n"));
});
afterAll(() => rmSync(folder, { recursive: true }));

const OPTIONS = [
  "--questions",
  "none",
  "--prompts",
  path.join(folder, "questions.txt"),
  "--text",
  story,
  "--hours",
  "0.02",
  // A tiny model learns little at the rate that suits a large one.
  "--rate",
  "8e-4",
];

test("is interrupted, goes on, and ends with a draft that has learned", async () => {
  const first = await draft(OPTIONS, "write-prompts: ");
  expect(first.stderr).toContain("stopped; the same command goes on from here");
  expect(first.code).toBe(1);
  const written = path.join(out, "work/prompts.jsonl");
  const before = existsSync(written) ? readFileSync(written, "utf8") : "";

  const { code, stdout, stderr } = await draft(OPTIONS);
  expect(stderr).toContain("in all. Ctrl-C stops it");
  expect(code).toBe(0);
  const pack = path.join(out, "pack");
  const [, tokensPerPass] = / MB, (\d+\.\d\d) tokens per target pass$/m.exec(stdout)!;
  expect(readFileSync(written, "utf8").startsWith(before)).toBe(true);
  const prompts = (await readLines(written)).map(({ prompt }) => prompt?.join());
  expect(new Set(prompts).size).toBe(prompts.length);

  const { target, config, activations } = packHeader(pack);
  expect({ target: target?.model, activations }).toEqual({ target: "tiny", activations: 8 });
  expect(config.vocabulary).toBe(320);
  const card = readFileSync(path.join(out, "README.md"), "utf8");
  expect(card).toContain(tokensPerPass);

  // It agrees with the target more often than a pruned target of as many bytes that was taught nothing, on answers that
  // neither has seen.
  const untaught = path.join(folder, "untaught");
  const header = await squeezeUntaught(untaught);
  expect(packBytes(header)).toBe(packBytes(packHeader(pack)));
  const answers = { file: path.join(out, "work/held-out.jsonl"), count: 64 };
  const measured = evaluate({ models: [pack, untaught], answers, served: false, speed: false });
  const [taught, pruned] = (await Array.fromAsync(measured)).map(({ acceptance }) => acceptance!.agreement);
  expect(taught!).toBeGreaterThan(pruned!);
});

/** The target with as many MLP channels, chosen by LLM-Pruner. */
async function squeezeUntaught(pack: string): Promise<PackHeader> {
  const target = await describeTarget(TINY_PACKS.target);
  const config = await configOf(TINY_PACKS.target);
  const { stages } = packRecipe("untaught", 320, "lut4");
  const { feedForward } = packHeader(path.join(out, "pack")).config;
  return squeezeModel({
    model: TINY_PACKS.target,
    recipe: {
      model: "untaught",
      stages: [
        {
          stage: "llm-pruner",
          attention: 0,
          mlp: 1 - feedForward / config.feedForward,
          blocks: [0, config.layers - 1],
        },
        ...stages,
      ],
    },
    out: pack,
    target: draftedOf(target),
    calibration: { file: path.join(out, "work/text.jsonl"), samples: 8, length: 64 },
  });
}

test("the pack holds the values that were taught", async () => {
  const pack = await readModel(path.join(out, "pack"));
  const taught = await readModel(path.join(out, "work/teach"));
  const blocks = tensorShapes(pack.config).filter(({ name, rows }) => name.startsWith("model.layers") && rows > 1);
  for (const { name } of blocks) {
    const [ours, theirs] = [pack, taught].map(({ tensors }) =>
      decodeTensor(tensors.get(name)!, tensors.get(name)!.bytes),
    );
    const differs = ours!.reduce((most, value, n) => Math.max(most, Math.abs(value - theirs![n]!)), 0);
    const largest = theirs!.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
    expect({ name, rounds: differs / largest < 1e-3 }).toEqual({ name, rounds: true });
  }
});

test("the same command has nothing left to do", async () => {
  const began = performance.now();
  const { code } = await draft(OPTIONS);
  expect(code).toBe(0);
  expect(performance.now() - began).toBeLessThan(60_000);
});
