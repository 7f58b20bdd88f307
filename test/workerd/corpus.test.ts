/** A corpus that the running service writes says what one says that the engine here writes, seed for seed. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { corpusCommand } from "../../src/tools/commands/corpus.ts";
import type { Line } from "../../src/tools/corpus/line.ts";
import { Target } from "../../src/tools/corpus/target.ts";
import { makeTerse } from "../support/terse.ts";
import { TINY_PACKS } from "../support/tiny.ts";
import { type Running, start } from "./harness.ts";

const directory = mkdtempSync(path.join(tmpdir(), "outrider-corpus-service-"));
const at = (name: string): string => path.join(directory, name);
let run: Running;

beforeAll(async () => {
  await makeTerse(at("terse"));
  run = await start({ packs: { target: at("terse"), draft: TINY_PACKS.draft } });
});
afterAll(async () => {
  await run.close();
  rmSync(directory, { recursive: true });
});

/** The same corpus from the service and from the engine, texts in place of ids. */
async function both(...argv: string[]): Promise<[unknown[], unknown[]]> {
  vi.spyOn(console, "log").mockImplementation(() => {});
  vi.spyOn(process.stderr, "write").mockImplementation(() => true);
  const service = ["--url", `${run.url}/v1`, "--tokenizer", at("terse")];
  await corpusCommand.run(["--out", at("service.jsonl"), ...service, ...argv]);
  await corpusCommand.run(["--out", at("engine.jsonl"), "--model-pack", at("terse"), ...argv]);
  const target = await Target.open(at("terse"));
  const texts = (name: string) => {
    const lines = readFileSync(at(name), "utf8").trim().split("\n");
    rmSync(at(name));
    return lines
      .map((line) => JSON.parse(line) as Line)
      .map((line) => ({ ...line, answer: target.decode(line.answer), ended: target.ended(line.answer) }));
  };
  return [texts("service.jsonl"), texts("engine.jsonl")];
}

test("questions of a file, several turns", async () => {
  const talks = [{ turns: ["Tell me about the road", "And the river?"] }, { turns: ["The hill"] }];
  writeFileSync(at("talks.jsonl"), talks.map((talk) => JSON.stringify(talk)).join("\n"));
  const [service, engine] = await both("--prompts", at("talks.jsonl"));
  expect(service).toEqual(engine);
  expect(service.length).toBeGreaterThan(4);
});
