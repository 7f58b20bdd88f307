/** A corpus holds what the running service says to the same question, seed for seed. */
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

const QUESTIONS = ["Tell me about the road", "The hill", "Who rides ahead?"];
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

test("the service answers as the corpus does", async () => {
  vi.spyOn(console, "log").mockImplementation(() => {});
  vi.spyOn(process.stderr, "write").mockImplementation(() => true);
  writeFileSync(at("questions.txt"), QUESTIONS.join("\n"));
  const argv = ["--out", at("corpus.jsonl"), "--model-pack", at("terse"), "--prompts", at("questions.txt")];
  await corpusCommand.run(argv);
  const target = await Target.open(at("terse"));
  const asked = new Map(
    QUESTIONS.map((content) => [String(target.prompt([{ role: "user", content }])), [{ role: "user", content }]]),
  );
  const lines: Line[] = readFileSync(at("corpus.jsonl"), "utf8")
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line));
  expect(lines.length).toBeGreaterThan(4);
  const { data } = (await (await fetch(`${run.url}/v1/models`)).json()) as { data: [{ id: string }] };
  const model = data[0].id;
  for (const { prompt, answer, temperature, seed } of lines) {
    const messages = asked.get(String(prompt));
    const response = await run.post("/v1/chat/completions", { model, messages, temperature, seed, max_tokens: 256 });
    const { choices } = (await response.json()) as { choices: [{ message: object; finish_reason: string }] };
    expect(choices[0]).toMatchObject({
      message: { content: target.decode(answer) },
      finish_reason: target.ended(answer) ? "stop" : "length",
    });
  }
});
