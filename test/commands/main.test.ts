/**
 * Every command as it is typed: help, mistakes, exit status. In this process, so that there is no start of Node to
 * wait for.
 */
import { readFileSync } from "node:fs";
import path from "node:path";
import { afterEach, describe, expect, test, vi } from "vitest";
import { closest } from "../../src/tools/commands/closest.ts";
import { COMMANDS, main } from "../../src/tools/commands/main.ts";

interface Typed {
  readonly status: number;
  readonly out: string;
  readonly err: string;
}

async function typed(...argv: string[]): Promise<Typed> {
  const out: string[] = [];
  const err: string[] = [];
  vi.spyOn(console, "log").mockImplementation((line) => void out.push(String(line)));
  vi.spyOn(console, "error").mockImplementation((line) => void err.push(line instanceof Error ? line.stack! : line));
  const status = await main(argv);
  vi.restoreAllMocks();
  return { status, out: out.join("\n"), err: err.join("\n") };
}

afterEach(() => vi.unstubAllEnvs());

const NAMES = [...COMMANDS.keys()];

describe.each(NAMES)("outrider %s", (name) => {
  test("has help on stdout, with examples before the options, for every way of asking", async () => {
    const { status, out, err } = await typed(name, "--help");
    expect({ status, err }).toEqual({ status: 0, err: "" });
    expect(out.startsWith(COMMANDS.get(name)!.summary)).toBe(true);
    expect(out).toMatch(new RegExp(`^\\n*Examples\\n  (\\w+=\\S+ )?outrider ${name}( |$)`, "m"));
    expect(out.indexOf("Examples")).toBeLessThan(out.indexOf("\nUsage\n"));
    expect(out.indexOf("\nUsage\n")).toBeLessThan(out.indexOf("  -h, --help"));
    for (const argv of [
      ["help", name],
      [name, "-h"],
      [name, "--bogus", "--help"],
      ["-h", name],
    ]) {
      expect(await typed(...argv)).toEqual({ status, out, err });
    }
  });

  test("fits a terminal of 100 columns, but for examples", async () => {
    const { out } = await typed("help", name);
    const lines = out.split("\n").filter((line) => !/^ {2}(\w+=\S+ )?outrider /.test(line));
    expect(lines.filter((line) => line.length > 100)).toEqual([]);
  });

  test("answers a wrong option with one line and status 2", async () => {
    const { status, out, err } = await typed(name, "--jsno", "-x");
    expect({ status, out }).toEqual({ status: 2, out: "" });
    expect(err).toMatch(new RegExp(`^outrider ${name}: unknown option --jsno.*; see outrider ${name} --help$`));
    expect(err.split("\n")).toHaveLength(1);
  });
});

test.each([[[]], [["--help"]], [["-h"]], [["help"]], [["help", "--help"]]])(
  "outrider %j lists the commands",
  async (argv) => {
    const { status, out, err } = await typed(...argv);
    expect({ status, err }).toEqual({ status: 0, err: "" });
    for (const name of NAMES) expect(out).toMatch(new RegExp(`^  ${name} +\\S`, "m"));
    expect(out.indexOf("Examples")).toBeLessThan(out.indexOf("  start "));
  },
);

test("--version is that of package.json", async () => {
  const { version } = JSON.parse(readFileSync(path.resolve(import.meta.dirname, "../../package.json"), "utf8"));
  expect(await typed("--version")).toEqual({ status: 0, out: version, err: "" });
});

test.each([
  [["squeze"], "outrider: unknown command squeze (did you mean squeeze?); see outrider --help"],
  [["bogus"], "outrider: unknown command bogus; see outrider --help"],
  [["--vesion"], "outrider: unknown option --vesion (did you mean --version?); see outrider --help"],
  [["help", "strat"], "outrider: unknown command strat (did you mean start?); see outrider --help"],
  [["report", "/nope"], "outrider report: --against and --out are missing; see outrider report --help"],
  [["report"], "outrider report: FIGURES.jsonl, --against and --out are missing; see outrider report --help"],
  [
    ["eval", "p", "--frist", "3"],
    "outrider eval: unknown option --frist (did you mean --first?); see outrider eval --help",
  ],
  [["eval", "p", "--text"], "outrider eval: --text needs a value: --text FILE; see outrider eval --help"],
  [["eval", "p", "--text", "--json"], "outrider eval: --text needs a value: --text FILE; see outrider eval --help"],
  [["eval", "p", "--json=yes"], "outrider eval: --json takes no value; see outrider eval --help"],
  [["inspect", "a", "b"], 'outrider inspect: unexpected "b"; see outrider inspect --help'],
  [
    ["origin", "--model", "x", "--engine", "lama"],
    'outrider origin: --engine is one of wasm, llama, sglang, vllm, emulated, not "lama" (did you mean llama?); ' +
      "see outrider origin --help",
  ],
  [
    ["origin", "--model", "models/tiny/pack", "--engine", "emulated"],
    "outrider origin: --recorded is missing; it names the file of answers that the emulated engine replays; " +
      "see outrider origin --help",
  ],
  [["start", "--recorded", "x"], "outrider start: --recorded goes with --emulate; see outrider start --help"],
  [
    ["start", "--emulate", "gemm16:25", "--engine", "llama"],
    "outrider start: --emulate and --engine exclude each other: an emulated GPU is the origin; " +
      "see outrider start --help",
  ],
  [
    ["squeeze", "wanda-2-5", "--model", "x", "--out", "y"],
    "outrider squeeze: no recipe is called wanda-2-5 (did you mean wanda-2-4?); see outrider squeeze --help",
  ],
])("%j is a mistake in one line, status 2", async (argv, line) => {
  expect(await typed(...argv)).toEqual({ status: 2, out: "", err: line });
});

test("start lists the accelerators that can be emulated, with the sources of their numbers", async () => {
  const { status, out } = await typed("start", "--emulate", "list");
  expect(status).toBe(0);
  for (const word of ["2xh100-70b", "llamacpp4", "Sources:", "pull/15802"]) expect(out).toContain(word);
});

describe("what fails later than at its options", () => {
  test("is one sentence and status 1, without a stack", async () => {
    const { status, out, err } = await typed("inspect", "/nowhere");
    expect({ status, out }).toEqual({ status: 1, out: "" });
    expect(err).toBe("outrider inspect: /nowhere/pack.json: there is no such file");
  });

  test("shows the stack to whoever sets OUTRIDER_DEBUG", async () => {
    vi.stubEnv("OUTRIDER_DEBUG", "1");
    const { status, err } = await typed("inspect", "/nowhere");
    expect(status).toBe(1);
    expect(err).toMatch(/^outrider inspect: .*\n(.*\n)*? {4}at /);
  });

  test("is in words where the system refuses a path", async () => {
    const { status, err } = await typed("init", "/dev/null/edge");
    expect({ status, err }).toEqual({
      status: 1,
      err: "outrider init: /dev/null/edge is a file, or lies in one; name a folder that does not exist yet",
    });
    const readme = path.join(import.meta.dirname, "../../README.md/token");
    expect(
      (await typed("origin", "--model", import.meta.dirname, "--engine", "llama", "--token-file", readme)).err,
    ).toBe(`outrider origin: ${readme}: a part of that path is a file, where a folder is needed`);
  });

  test("is one line even where the program did not expect it, and says how to learn more", async () => {
    const { status, err } = await typed("inspect", "nul\0byte");
    expect(status).toBe(1);
    expect(err).toMatch(/^outrider inspect: .* \(unexpected; OUTRIDER_DEBUG=1 shows where it happened\)$/);
  });
});

test("the environment stands in for an option that says so", async () => {
  vi.stubEnv("PORT", "many");
  const { err } = await typed("origin", "--model", "x");
  expect(err).toMatch(/^outrider origin: --port is a whole number from 0 to 65535, not "many"/);
});

test.each([
  ["strat", "start"],
  ["evla", "eval"],
  ["--calib", "--calibration"],
  ["zzzzz", undefined],
])("the word near %s is %s", (given, word) => {
  expect(closest(given, ["start", "eval", "report", "--calibration"])).toBe(word);
});
