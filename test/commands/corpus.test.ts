/**
 * `outrider corpus` as it is typed, on the tiny target: what the file holds, and that it does not depend on how it
 * came about.
 */
import { spawn } from "node:child_process";
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { syncBuiltinESMExports } from "node:module";
import os, { tmpdir } from "node:os";
import path from "node:path";
import { gunzipSync } from "node:zlib";
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from "vitest";
import { Tokenizer } from "../../src/core/model/tokenizer.ts";
import { corpusCommand } from "../../src/tools/commands/corpus.ts";
import { type Line, splitOf } from "../../src/tools/corpus/line.ts";
import { Target } from "../../src/tools/corpus/target.ts";
import { readWindows } from "../../src/tools/text/windows.ts";
import { makeTerse } from "../support/terse.ts";
import { loadPack, TINY_PACKS } from "../support/tiny.ts";

const ROOT = path.resolve(import.meta.dirname, "../..");
const directory = mkdtempSync(path.join(tmpdir(), "outrider-corpus-"));
const at = (name: string): string => path.join(directory, name);
const terse = at("terse");

// Every run starts threads, which a busy machine takes its time for.

beforeAll(async () => {
  await makeTerse(terse);
  await corpus("self.jsonl", "--self", "40");
});
afterAll(() => rmSync(directory, { recursive: true }));
afterEach(() => vi.restoreAllMocks());

/** Runs the command with the pack of the terse target; what it printed. */
async function corpus(out: string, ...argv: string[]): Promise<string> {
  const printed: string[] = [];
  vi.spyOn(console, "log").mockImplementation((line) => void printed.push(line));
  vi.spyOn(process.stderr, "write").mockImplementation(() => true);
  await corpusCommand.run(["--out", at(out), "--model-pack", terse, ...argv]);
  return printed.join("\n");
}

const bytes = (name: string): Buffer => readFileSync(at(name));
const lines = (name: string): Line[] =>
  (name.endsWith(".gz") ? gunzipSync(bytes(name)) : bytes(name))
    .toString()
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line));

function prompts(name: string, ...questions: (string | object)[]): string[] {
  writeFileSync(at(name), questions.map((each) => (typeof each === "string" ? each : JSON.stringify(each))).join("\n"));
  return ["--prompts", at(name)];
}

const ROAD = "Tell me about the road";
const TALK = { turns: [ROAD, "And the river?", "Where do they meet?"] };

describe("questions of a file", () => {
  test("every question at every temperature, in order; later turns follow the target's own answers", async () => {
    const printed = await corpus("talk.jsonl", ...prompts("talk-in.jsonl", TALK, { prompt: "Who rides ahead?" }));
    const target = await Target.open(terse);
    const made = lines("talk.jsonl");
    const [first, second, third] = made.filter(({ temperature }) => temperature === 0) as [Line, Line, Line];
    const user = (content: string) => ({ role: "user", content });
    const assistant = ({ answer }: Line) => ({ role: "assistant", content: target.decode(answer) });
    const talk = [user(ROAD), assistant(first), user("And the river?"), assistant(second), user("Where do they meet?")];
    expect(first.prompt).toEqual(target.prompt(talk.slice(0, 1)));
    expect(second.prompt).toEqual(target.prompt(talk.slice(0, 3)));
    expect(third.prompt).toEqual(target.prompt(talk));
    expect(made.slice(0, 3)).toEqual([first, second, third]);
    expect([second.split, third.split]).toEqual(Array(2).fill(splitOf(first.prompt)));
    expect(printed).toContain(`added ${made.length} answers`);
  });

  test("greedy answers are those of the model, token by token", async () => {
    await corpus("greedy.jsonl", ...prompts("greedy.txt", ROAD, "", "The hill"), "--temperature", "0");
    const llama = await loadPack(terse, 64, 1);
    for (const { prompt, answer } of lines("greedy.jsonl")) {
      const cache = llama.newCache();
      let next = [...prompt];
      for (const token of answer) {
        llama.forward(cache, next, 1);
        expect(llama.argmax(0)).toBe(token);
        next = [token];
      }
      expect(answer.length === 256 || answer.at(-1) === llama.header.config.eosIds[0]).toBe(true);
    }
    expect(lines("greedy.jsonl").length).toBe(2);
  });

  test("a question asked twice stands once; --max-tokens cuts an answer", async () => {
    const asked = prompts("twice.txt", ROAD, "The hill", ROAD);
    const printed = await corpus("twice.jsonl", ...asked, "--max-tokens", "3", "--temperature", "1");
    expect(lines("twice.jsonl").map(({ answer }) => answer.length <= 3)).toEqual([true, true]);
    expect(printed).toContain("left out: 1 questions asked before");
  });
});

describe("the target's own questions", () => {
  test("are what it says as the user, each once", async () => {
    const target = await Target.open(terse);
    const made = lines("self.jsonl");
    const asked = new Map(made.map(({ prompt, turn_seed }) => [turn_seed, prompt]));
    expect(asked.size).toBeGreaterThan(30);
    expect(new Set([...asked.values()].map(String)).size).toBe(asked.size);
    for (const prompt of asked.values()) {
      expect(prompt.slice(0, target.userHeader.length)).toEqual(target.userHeader);
      const text = target.decode(prompt.slice(target.userHeader.length)).split("\nassistant\n")[0]!;
      expect(target.prompt([{ role: "user", content: text.trim() }])).toEqual(prompt);
    }
    expect(new Set(made.map(({ prompt, answer }) => `${prompt}:${answer}`)).size).toBe(made.length);
    expect(made.some(({ split }) => split === "held-out")).toBe(true);
  });

  test.each([1, 3])("make the same file with %i threads, compressed or not", async (threads) => {
    vi.spyOn(os, "availableParallelism").mockReturnValue(threads);
    syncBuiltinESMExports();
    await corpus(`${threads}.jsonl.gz`, "--self", "40");
    vi.restoreAllMocks();
    syncBuiltinESMExports();
    expect(gunzipSync(bytes(`${threads}.jsonl.gz`))).toEqual(bytes("self.jsonl"));
  });

  test("a run adds what is missing: more questions, more temperatures, nothing", async () => {
    await corpus("grown.jsonl", "--self", "20", "--temperature", "1");
    const before = lines("grown.jsonl");
    await corpus("grown.jsonl", "--self", "40", "--temperature", "1");
    expect(lines("grown.jsonl").slice(0, before.length)).toEqual(before);
    await corpus("grown.jsonl", "--self", "40");
    const text = (line: Line) => JSON.stringify(line);
    const wanted = new Set(lines("self.jsonl").map(text));
    // An answer that two temperatures share stands at the one that came first, here 1.
    const elsewhere = lines("grown.jsonl").filter((line) => !wanted.has(text(line)));
    expect(elsewhere.every(({ temperature }) => temperature === 1)).toBe(true);
    expect(lines("grown.jsonl").length).toBe(wanted.size);
    const whole = bytes("grown.jsonl");
    expect(await corpus("grown.jsonl", "--self", "40")).toMatch(/^added 0 answers, 0 tokens/);
    expect(bytes("grown.jsonl")).toEqual(whole);
  });

  test("are calibration text as they are", async () => {
    const tokenizer = new Tokenizer(readFileSync(path.join(terse, "tokenizer.json"), "utf8"));
    const [window] = await readWindows(at("self.jsonl"), tokenizer, 0, 1, 64);
    const ids = lines("self.jsonl").flatMap(({ prompt, answer }) => [...prompt, ...answer]);
    expect(window).toEqual(ids.slice(0, 64));
  });

  test("those that do not end are left out", async () => {
    const printed = await corpus("endless.jsonl", "--self", "2", "--model-pack", TINY_PACKS.target);
    expect(printed).toContain("added 0 answers, 0 tokens; left out: 2 questions of the target's that did not end");
  });
});

test.each<[NodeJS.Signals, number | null]>([
  ["SIGINT", 130],
  ["SIGKILL", null],
])("after %s the next run ends at the same file", async (signal, status) => {
  const name = `${signal}.jsonl`;
  const argv = ["--out", at(name), "--model-pack", terse, "--self", "4000"];
  const child = spawn(process.execPath, ["src/outrider.ts", "corpus", ...argv], { cwd: ROOT, stdio: "ignore" });
  const ended = new Promise<number | null>((resolve) => child.once("exit", resolve));
  const written = () => (existsSync(at(name)) ? bytes(name).length : 0);
  await expect.poll(written, { interval: 5, timeout: 500_000 }).toBeGreaterThan(0);
  child.kill(signal);
  expect(await ended).toBe(status);
  const [part, whole] = [bytes(name), bytes("self.jsonl")];
  const shared = Math.min(part.length, whole.length);
  expect(part.subarray(0, shared)).toEqual(whole.subarray(0, shared));
  await corpus(name, "--self", "40");
  expect(bytes(name)).toEqual(part.length > whole.length ? part : whole);
});

describe("what is refused, with the next step", () => {
  const some = ["--out", at("x.jsonl"), "--model-pack", terse];
  test.each<[string[], string]>([
    [[], "--out is missing"],
    [["--out", "x.jsonl", "--self", "3"], "one of --model-pack and --url is needed"],
    [["--out", "x.jsonl", "--self", "3", "--url", "http://x/v1"], "--url needs --tokenizer PACK"],
    [[...some, "--self", "3", "--tokenizer", terse], "--tokenizer goes with --url"],
    [
      ["--out", at("x.jsonl"), "--url", "http://x/v1", "--tokenizer", terse, "--self", "3"],
      "--self asks a target that runs here; give --prompts",
    ],
    [some, "one of --prompts and --self is needed"],
    [[...some, "--self", "3", "--prompts", "x"], "one of --prompts and --self is needed"],
    [[...some, "--self", "3", "--temperature", "0,hot"], "--temperature is numbers from 0 to 2 with commas between"],
    [[...some, "--self", "none"], "--self is a whole number from 1 on"],
    [[...some, "--self", "3", "--sefl", "3"], "unknown option --sefl (did you mean --self?)"],
    [["--out", at("x.txt"), "--model-pack", terse, "--self", "3"], "a corpus is called NAME.jsonl"],
    [["--out", at("x.jsonl"), "--model-pack", at("nowhere"), "--self", "3"], "there is no such file"],
    [[...some, ...prompts("bad.jsonl", { turns: [] })], 'bad.jsonl, line 1: neither {"turns": [text, …]} nor'],
    [[...some, ...prompts("text.jsonl", ROAD)], "text.jsonl, line 1: it is not JSON; a file of plain questions"],
    [[...some, ...prompts("empty.txt", "")], "empty.txt: there is no question in it"],
    [
      [...some, ...prompts("long.txt", ROAD, "road ".repeat(3000))],
      "long.txt, line 2 has 3030 tokens, a conversation may have 2048; shorten it or leave it out",
    ],
  ])("%j", async (argv, message) => {
    await expect(corpusCommand.run(argv)).rejects.toThrow(message);
    expect(existsSync(at("x.jsonl"))).toBe(false);
  });

  test("a damaged pack", async () => {
    cpSync(terse, at("damaged"), { recursive: true });
    truncateSync(path.join(at("damaged"), "model-00001-of-00001.safetensors"), 1000);
    const argv = ["--out", at("x.jsonl"), "--model-pack", at("damaged"), "--self", "3"];
    await expect(corpusCommand.run(argv)).rejects.toMatchObject({ code: "corrupt_shard" });
  });
});
