/**
 * Makes recorded.jsonl.gz, what the emulated engine replays: the real target's answers to the questions of the page, of
 * test/cases/prompts.ts and of test/bench/questions, greedy, and to some of them sampled.
 *
 *   npx outrider prepare --out target-pack
 *   node models/smollm2-135m/record.ts --pack target-pack
 *
 * It asks through `outrider corpus`, so a file that is there is only completed. Takes some minutes.
 */
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { greedyQuestions, RECORDED, sampledQuestions } from "../../test/bench/recorded-questions.ts";
import { parseOptions } from "../../test/support/parse-options.ts";

/** What the page asks for at most. */
const MOST_TOKENS = "256";

const { values } = parseOptions({ options: { pack: { type: "string" } } });
if (values.pack === undefined) {
  console.error("--pack FOLDER is needed: the target's pack, which `outrider prepare --out FOLDER` makes");
  process.exit(1);
}
const root = path.resolve(import.meta.dirname, "../..");
const folder = mkdtempSync(path.join(tmpdir(), "outrider-record-"));
try {
  ask(greedyQuestions(), "0");
  ask(sampledQuestions(), "0.8");
} finally {
  rmSync(folder, { recursive: true });
}

function ask(questions: readonly string[], temperature: string): void {
  const prompts = path.join(folder, "questions.jsonl");
  writeFileSync(prompts, questions.map((text) => `${JSON.stringify({ turns: [text] })}\n`).join(""));
  const options = ["--temperature", temperature, "--max-tokens", MOST_TOKENS];
  const args = ["corpus", "--out", RECORDED, "--model-pack", values.pack!, "--prompts", prompts, ...options];
  const { status } = spawnSync(process.execPath, [path.join(root, "outrider.js"), ...args], { stdio: "inherit" });
  if (status !== 0) throw new Error(`outrider corpus ended with status ${status}`);
}
