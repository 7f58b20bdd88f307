/**
 * `outrider eval` on tiny packs: every figure against plain loops in f64, and drafting as the service's engine does
 * it.
 */

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { ModelDrafter } from "../../src/core/draft/model-drafter.ts";
import { readPack } from "../../src/core/format/pack-reader.ts";
import { TokenRows } from "../../src/core/model/token-rows.ts";
import { Tokenizer } from "../../src/core/model/tokenizer.ts";
import { openDirectory } from "../../src/core/platform/disk.ts";
import { GREEDY } from "../../src/core/speculate/types.ts";
import { evalCommand } from "../../src/tools/commands/eval.ts";
import { FloatLlama } from "../../src/tools/compress/calibrate/float-llama.ts";
import { hitsOf } from "../../src/tools/compress/calibrate/scoring/agreement.ts";
import { Pool } from "../../src/tools/compress/calibrate/threads/pool.ts";
import { runStages } from "../../src/tools/compress/pipeline.ts";
import { replacePack } from "../../src/tools/compress/rounding/packable.ts";
import type { Figures } from "../../src/tools/evaluate/figures.ts";
import { isLoop } from "../../src/tools/text/loops.ts";
import type { TargetAnswer } from "../../src/tools/text/target-text.ts";
import { PlainLlama } from "../support/plain-llama.ts";
import { printed } from "../support/printed.ts";
import { seeded } from "../support/random.ts";
import { loadPack, packHeader, TINY_PACKS } from "../support/tiny.ts";
import { withoutTokens } from "../support/trimmed.ts";

const KEEP = 400;
const STORY = fileURLToPath(new URL("../../models/tiny/story.txt", import.meta.url));
const directory = mkdtempSync(path.join(tmpdir(), "outrider-eval-"));
const packs = { ...TINY_PACKS, trimmed: path.join(directory, "trimmed") };
const answersFile = path.join(directory, "answers.jsonl.gz");
const windows = ["--text", STORY, "--windows", "0..17", "--length", "24"];
const base = await readPack(openDirectory(packs.target));
const draft = await readPack(openDirectory(packs.draft));
const trimmed = withoutTokens(draft, KEEP);
let answers: TargetAnswer[];

/** What the tiny target says to made-up prompts; the last answer goes round in circles. */
async function targetAnswers(): Promise<TargetAnswer[]> {
  const target = await loadPack(packs.target, 8, 1);
  const random = seeded(21);
  const written = Array.from({ length: 18 }, (_, n) => {
    const prompt = Array.from({ length: 1 + (n % 7) }, () => Math.floor(random() * 512));
    const cache = target.newCache();
    const answer: number[] = [];
    for (let next = prompt; answer.length < 3 + 2 * n; next = answer.slice(-1)) {
      target.forward(cache, next, 1);
      answer.push(target.argmax(0));
    }
    cache.release();
    return { prompt, answer };
  });
  return [...written, { prompt: [7, 8], answer: new Array(40).fill(9) }];
}

beforeAll(async () => {
  await replacePack(trimmed, packs.trimmed);
  answers = await targetAnswers();
  writeFileSync(answersFile, gzipSync(answers.map((line) => JSON.stringify(line)).join("\n")));
});
afterAll(() => rmSync(directory, { recursive: true }));

async function evaluated(...argv: string[]): Promise<Figures[]> {
  const text = await printed(() => evalCommand.run([...argv, "--json", "--no-speed"]));
  return text.split("\n").map((line) => JSON.parse(line));
}

/** Tokens a pass when the service's drafter proposes `drafted` tokens before each. */
async function drafting(pack: string, drafted: number, on: readonly TargetAnswer[]): Promise<number> {
  const llama = await loadPack(pack, 8, 1);
  let tokens = 0;
  let passes = 0;
  for (const { prompt, answer } of on) {
    const cache = llama.newCache();
    const drafter = new ModelDrafter(llama, cache, GREEDY);
    for (let at = 0; at < answer.length; passes++) {
      await drafter.sync([...prompt, ...answer.slice(0, at)]);
      const proposed = await drafter.propose(drafted, () => true);
      let kept = 0;
      while (kept < drafted && at + kept < answer.length && proposed[kept]?.id === answer[at + kept]) kept++;
      at += kept + 1;
    }
    tokens += answer.length;
    cache.release();
  }
  return tokens / passes;
}

test("several models share the work on the other, and each has the figures of a run of its own", async () => {
  const argv = [...windows, "--against", packs.target, "--answers", answersFile];
  const shared = await evaluated(packs.draft, packs.target, ...argv);
  expect(shared).toEqual([...(await evaluated(packs.draft, ...argv)), ...(await evaluated(packs.target, ...argv))]);
  expect(shared.map(({ model }) => model)).toEqual(["tiny-draft", "tiny"]);
});

test("perplexity, KL and top-1 are those of f64", async () => {
  const [figures] = await evaluated(
    packs.draft,
    "--text",
    STORY,
    "--windows",
    "1..3",
    "--length",
    "24",
    "--against",
    packs.target,
  );
  const tokens = new Tokenizer(base.tokenizer["tokenizer.json"]).encode(readFileSync(STORY, "utf8"));
  const [whole, small] = [new PlainLlama(base), new PlainLlama(draft)];
  let loss = 0;
  let kl = 0;
  let same = 0;
  let positions = 0;
  const best = (row: Float64Array) => row.indexOf(row.reduce((a, b) => Math.max(a, b)));
  for (const n of [1, 2, 3]) {
    const window = tokens.slice(24 * n, 24 * (n + 1));
    const [p, q] = [whole.logProbabilities(window), small.logProbabilities(window)];
    for (let t = 0; t < 23; t++) {
      loss -= q[t]![window[t + 1]!]!;
      kl += p[t]!.reduce((sum, value, i) => sum + Math.exp(value) * (value - q[t]![i]!), 0);
      if (best(p[t]!) === best(q[t]!)) same++;
      positions++;
    }
  }
  expect(figures!.loss).toBeCloseTo(loss / positions, 4);
  expect(figures!.perplexity! / Math.exp(loss / positions)).toBeCloseTo(1, 3);
  expect(figures!.divergence).toBeCloseTo(kl / positions, 4);
  expect(figures!.agreement).toBe(same / positions);
});

describe("acceptance", () => {
  test.each(["draft", "trimmed"] as const)(
    "of the %s pack is what drafting with the service's engine gives",
    async (name) => {
      const [{ acceptance, acceptanceWithoutLoops }] = (await evaluated(packs[name], "--answers", answersFile)) as [
        Figures,
      ];
      const straight = answers.filter(({ answer }) => !isLoop(answer));
      expect(acceptance).toMatchObject({
        answers: 19,
        tokens: answers.reduce((sum, { answer }) => sum + answer.length, 0),
      });
      expect(straight.length).toBeLessThan(answers.length);
      expect(acceptanceWithoutLoops!.answers).toBe(straight.length);
      // The engine rounds activations and keys, which turns an argmax in a hundred.
      const near = (ours: number, theirs: number) => expect(Math.abs(ours / theirs - 1)).toBeLessThan(0.03);
      near(acceptance!.tokensPerPass4, await drafting(packs[name], 4, answers));
      near(acceptance!.tokensPerPass8, await drafting(packs[name], 8, answers));
      near(acceptanceWithoutLoops!.tokensPerPass8, await drafting(packs[name], 8, straight));
      expect(acceptance!.tokensPerPass8).toBeGreaterThan(1.1);
    },
  );

  test("is counted token by token, in an order and in lengths that do not matter", async () => {
    await using pool = await Pool.open(2);
    for (const model of [draft, trimmed]) {
      const llama = new FloatLlama(pool, model);
      const plain = new PlainLlama(model);
      const read = (id: number) =>
        id < model.config.vocabulary ? id : model.substitutes![id - model.config.vocabulary]!;
      const all = await hitsOf(llama, new TokenRows(model), answers);
      for (const [n, { prompt, answer }] of answers.entries()) {
        expect((await hitsOf(llama, new TokenRows(model), [answers[n]!]))[0]).toEqual(all[n]);
        const rows = plain.logProbabilities([...prompt, ...answer].map(read));
        const said = rows.map((row) => row.indexOf(row.reduce((a, b) => Math.max(a, b))));
        expect(all[n]).toEqual(answer.map((token, t) => said[prompt.length - 1 + t] === token));
      }
      llama.release();
    }
  });

  test("of a draft that keeps any ids is that of the same draft with other words for them", async () => {
    await using pool = await Pool.open(2);
    const llama = new FloatLlama(pool, trimmed);
    // Row r is id 2r, and an odd one is read as the id before it.
    const kept = Array.from({ length: KEEP }, (_, row) => 2 * row);
    const other = new TokenRows({
      config: trimmed.config,
      vocabulary: { size: 2 * KEEP },
      kept,
      substitutes: kept,
    });
    const known = answers.map(({ prompt, answer }) => ({
      prompt: prompt.map((id) => id % KEEP),
      answer: answer.map((id) => id % KEEP),
    }));
    const doubled = known.map(({ prompt, answer }) => ({
      prompt: prompt.map((id) => 2 * id + (id % 2)),
      answer: answer.map((id) => 2 * id),
    }));
    expect(await hitsOf(llama, other, doubled)).toEqual(await hitsOf(llama, new TokenRows(trimmed), known));
    const odd = doubled.map(({ prompt, answer }) => ({ prompt, answer: answer.map((id) => id + 1) }));
    expect((await hitsOf(llama, other, odd)).flat()).not.toContain(true);
  });

  test("--first takes so many", async () => {
    const [figures] = await evaluated(packs.draft, "--answers", answersFile, "--first", "2");
    expect(figures!.acceptance).toMatchObject({ answers: 2, tokens: 3 + 5 });
  });
});

test("a trimmed vocabulary has neither perplexity nor KL, and the others of the run have", async () => {
  const argv = [...windows, "--against", packs.target, "--answers", answersFile];
  const [small, whole] = await evaluated(packs.trimmed, packs.draft, ...argv);
  for (const name of ["perplexity", "loss", "divergence", "agreement"]) {
    expect(small).not.toHaveProperty(name);
    expect(whole).toHaveProperty(name);
  }
  expect(answers.some(({ answer }) => answer.some((token) => token >= KEEP))).toBe(true);
});

test("bytes are of the whole pack, bits of the weights of its blocks", async () => {
  const [figures] = await evaluated(packs.draft, "--answers", answersFile);
  const { tensors } = packHeader(packs.draft);
  const bytes = Object.values(tensors).flatMap(({ parts }) => parts.map((part) => part.bytes));
  expect(figures!.bytes).toBe(bytes.reduce((a, b) => a + b));
  expect(figures!.bitsPerWeight).toBe(5);
});

test("prints a table, with the speed of the engine", async () => {
  const text = await printed(() => evalCommand.run([packs.draft, packs.trimmed, ...windows, "--answers", answersFile]));
  const [heads, whole, small] = text.split("\n") as [string, string, string];
  expect(heads).toMatch(
    /^pack +MB +bits\/weight +perplexity +accepted +pass of 4 +pass of 8 +accepted\* .* tokens\/s$/,
  );
  expect(whole.length).toBe(heads.length);
  expect(small).toContain("–");
  expect(Number(whole.split(/ +/).at(-1))).toBeGreaterThan(0);
  expect(text).toContain("On windows 0..17 of 24 tokens of");
});

describe("what is refused, with the next step", () => {
  const plain = path.join(directory, "plain.txt");
  const bad = path.join(directory, "bad.jsonl");
  const alone = path.join(directory, "alone.jsonl");
  const other = path.join(directory, "other");
  beforeAll(async () => {
    writeFileSync(plain, "hello");
    writeFileSync(bad, '{"prompt": [1], "answer": [2]}\n{"text": "hello"}\n');
    writeFileSync(alone, '{"answer": [2]}\n');
    const made = await runStages(base, { model: "other", stages: [{ stage: "prune-depth", keep: [0] }] });
    await replacePack({ ...made, vocabulary: { ...made.vocabulary, hash: "another" } }, other);
  });

  test.each<[string, () => string[]]>([
    ["--text or --answers is missing", () => [packs.target]],
    ["PACK|GGUF is missing", () => ["--text", STORY]],
    ["--against compares on a text", () => [packs.target, "--answers", answersFile, "--against", packs.draft]],
    ["--windows is FIRST..LAST", () => [packs.target, "--text", STORY, "--windows", "9"]],
    ["take a longer text", () => [packs.target, "--text", STORY, "--windows", "0..9999"]],
    ["there is no such file", () => [packs.target, "--text", "nowhere"]],
    ["--first is a whole number from 1 on", () => [packs.target, "--answers", answersFile, "--first", "0"]],
    ["answers are lines of JSON", () => [packs.target, "--answers", plain]],
    ['bad.jsonl, line 2: no "answer"', () => [packs.target, "--answers", bad]],
    ['alone.jsonl, line 1: no "prompt"', () => [packs.target, "--answers", alone]],
    [
      "compare with a whole model",
      () => [packs.draft, "--text", STORY, "--windows", "0..1", "--length", "24", "--against", packs.trimmed],
    ],
    ["other has other tokens than tiny-draft", () => [packs.draft, other, "--answers", answersFile, "--no-speed"]],
  ])("%s", async (message, argv) => {
    await expect(printed(() => evalCommand.run(argv()))).rejects.toThrow(message);
  });
});
