/**
 * A checkpoint of each architecture that we write is loaded by transformers as the model that it was: its class, every
 * value, its frequencies. Needs a Python with torch and transformers (OUTRIDER_PYTHON, or python3).
 */
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, expect, test } from "vitest";
import { importGguf } from "../../src/core/format/import.ts";
import { bytesSource } from "../../src/core/format/source.ts";
import { directorySink } from "../../src/core/platform/disk.ts";
import { exportHuggingFace } from "../../src/tools/compress/export-hf.ts";
import { goldenBytes, goldenJson } from "../support/golden.ts";

const PYTHON = process.env.OUTRIDER_PYTHON ?? "python3";
const SCRIPT = path.resolve(import.meta.dirname, "../support/transformers_state.py");

/** A Mistral without a window is written out as the Llama that it is. */
const CLASSES = {
  llama3: "LlamaForCausalLM",
  mistral: "LlamaForCausalLM",
  qwen2: "Qwen2ForCausalLM",
  qwen3: "Qwen3ForCausalLM",
} as const;

const golden = goldenJson("architectures.json") as Record<
  string,
  { frequencies: number[]; tensors: Record<string, string> }
>;
const home = mkdtempSync(path.join(tmpdir(), "outrider-architectures-"));
afterAll(() => rmSync(home, { recursive: true, force: true }));

const names = Object.keys(CLASSES) as (keyof typeof CLASSES)[];
for (const name of names) {
  const model = await importGguf(bytesSource(`${name}.gguf`, goldenBytes(`${name}.gguf`)), name);
  await exportHuggingFace(model, directorySink(path.join(home, name)), "F32");
}
const folders = names.map((name) => path.join(home, name));
const loaded = JSON.parse(execFileSync(PYTHON, [SCRIPT, ...folders], { encoding: "utf8" }));

test.each(names.map((name, n) => [name, loaded[n]] as const))("%s", (name, state) => {
  expect(state).toMatchObject({ class: CLASSES[name], missing: [], unexpected: [], ends: [2, 0] });
  expect(state.tensors).toEqual(golden[name]!.tensors);
  expect(state.frequencies).toEqual(golden[name]!.frequencies);
});
