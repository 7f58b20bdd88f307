/** The commands as they are typed: squeeze any model by a recipe's name, and eval of what came out. */
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, describe, expect, test, vi } from "vitest";
import { evalCommand } from "../../src/tools/commands/eval.ts";
import { squeezeCommand } from "../../src/tools/commands/squeeze.ts";
import { printed } from "../support/printed.ts";
import { TINY_PACKS } from "../support/tiny.ts";

const directory = mkdtempSync(path.join(tmpdir(), "outrider-squeeze-"));
const text = path.join(directory, "story.txt");
writeFileSync(text, readFileSync(new URL("../../models/tiny/story.txt", import.meta.url)));
const out = path.join(directory, "wanda");
const hf = path.join(directory, "hf");
const calibration = ["--calibration", text, "--samples", "3", "--length", "32"];

afterAll(() => rmSync(directory, { recursive: true }));

test("squeeze writes a pack and a checkpoint, eval compares it with what it was made from", async () => {
  const wanda = ["wanda-2-4", "--model", TINY_PACKS.target, ...calibration, "--out", out];
  await printed(() => squeezeCommand.run([...wanda, "--export-hf", hf]));
  expect(JSON.parse(readFileSync(path.join(out, "pack.json"), "utf8"))).toMatchObject({ model: "tiny-wanda" });
  expect(JSON.parse(readFileSync(path.join(hf, "config.json"), "utf8"))).toMatchObject({ model_type: "llama" });

  const windows = ["--text", text, "--windows", "0..2", "--length", "32", "--json", "--no-speed"];
  const figures = JSON.parse(await printed(() => evalCommand.run([out, ...windows, "--against", TINY_PACKS.target])));
  expect(figures.perplexity).toBeCloseTo(Math.exp(figures.loss), 6);
  expect(figures.divergence).toBeGreaterThan(0);
  expect(figures.bitsPerWeight).toBe(9);
  const same = JSON.parse(
    await printed(() => evalCommand.run([TINY_PACKS.target, ...windows, "--against", TINY_PACKS.target])),
  );
  expect(same.divergence).toBeCloseTo(0, 9);
  expect(same.agreement).toBe(1);
});

test("a GGUF file is a model like any other", async () => {
  const gguf = fileURLToPath(new URL("../../models/tiny/tiny.gguf", import.meta.url));
  const made = path.join(directory, "from-gguf");
  await printed(() => squeezeCommand.run(["magnitude-50", "--model", gguf, ...calibration, "--out", made]));
  expect(JSON.parse(readFileSync(path.join(made, "pack.json"), "utf8"))).toMatchObject({ model: "tiny-from-gguf" });
});

test("a recipe of one's own trims the vocabulary to what the whole text has most often", async () => {
  const recipe = path.join(directory, "trim.ts");
  const stage = '{ stage: "trim-vocabulary", keep: 320, by: "frequency" }';
  writeFileSync(recipe, `export default { model: "any", base: "tiny", stages: [${stage}] };`);
  const lines = path.join(directory, "answers.jsonl");
  // 61 ids of which the first window has none; 300 and more are merges of the tiny model.
  const answer = Array.from({ length: 61 }, (_, n) => 450 + n);
  writeFileSync(
    lines,
    [
      { prompt: [1, 5], answer: Array(70).fill(9) },
      { prompt: answer, answer },
    ]
      .map((line) => JSON.stringify(line))
      .join("\n"),
  );
  const made = path.join(directory, "trimmed");
  const text = ["--calibration", lines, "--samples", "1", "--length", "32"];
  await printed(() => squeezeCommand.run([recipe, "--model", TINY_PACKS.target, ...text, "--out", made]));
  const { kept } = JSON.parse(readFileSync(path.join(made, "pack.json"), "utf8"));
  expect(kept).toEqual([...Array.from({ length: 259 }, (_, id) => id), ...answer]);
});

test("a checkpoint that was taught drafts for its teacher, under the name that its recipe gives", async () => {
  const recipe = path.join(directory, "taught.ts");
  const stage = '{ stage: "quantise", tensors: "blocks", format: "q4u" }';
  writeFileSync(recipe, `export default { model: "tiny-taught", base: "tiny", stages: [${stage}] };`);
  const taught = path.join(directory, "taught");
  const plain = ["magnitude-50", "--model", TINY_PACKS.target, ...calibration, "--out", taught];
  await printed(() => squeezeCommand.run([...plain, "--export-hf", `${taught}-hf`]));
  // A smaller model of a family may have another chat template than its target. Chats are the target's.
  const config = JSON.parse(readFileSync(path.join(`${taught}-hf`, "tokenizer_config.json"), "utf8"));
  writeFileSync(
    path.join(`${taught}-hf`, "tokenizer_config.json"),
    JSON.stringify({ ...config, chat_template: "{{ messages[0].content }} of another model" }),
  );
  const made = path.join(directory, "draft");
  const draft = [recipe, "--model", `${taught}-hf`, "--out", made, "--target", TINY_PACKS.target];
  await printed(() => squeezeCommand.run(draft));
  expect(JSON.parse(readFileSync(path.join(made, "pack.json"), "utf8"))).toMatchObject({
    model: "tiny-taught",
    target: { model: "tiny" },
  });
  const [ours, theirs] = [made, TINY_PACKS.target].map((pack) =>
    JSON.parse(readFileSync(path.join(pack, "tokenizer_config.json"), "utf8")),
  );
  expect(ours.chat_template).toBe(theirs.chat_template);

  const other = path.join(directory, "other");
  cpSync(TINY_PACKS.target, other, { recursive: true });
  const header = readFileSync(path.join(other, "pack.json"), "utf8");
  writeFileSync(path.join(other, "pack.json"), header.replace(/("hash": *")[^"]*/, "$1other"));
  await expect(squeezeCommand.run([...draft.slice(0, -1), other])).rejects.toThrow("has other tokens than tiny");
});

describe("what is refused, with the next step", () => {
  const squeeze = ["--model", TINY_PACKS.target, "--out", out];
  test.each<[string[], string]>([
    [squeeze, "RECIPE is missing"],
    [["wanda-50"], "a recipe by name needs --model MODEL and --out DIRECTORY"],
    [["nowhere/recipe.ts"], "nowhere/recipe.ts: there is no such file"],
    [["wander", ...squeeze], "no recipe is called wander"],
    [["wanda-50", ...squeeze], "name one with --calibration FILE"],
    [["wanda-50", ...squeeze, "--calibration", text], "take a longer text, or fewer or shorter windows"],
    [["acceptance-3", ...squeeze, ...calibration], 'make one of {"prompt", "answer"} lines with `outrider corpus`'],
    [["wanda-50", ...squeeze, "--samples", "0"], "--samples is a whole number from 1 on"],
  ])("squeeze %j", async (argv, message) => {
    await expect(squeezeCommand.run(argv)).rejects.toThrow(message);
  });

  test("a recipe in TypeScript, on a Node that reads none", async () => {
    const features = vi.spyOn(process.features, "typescript", "get").mockReturnValue(false);
    try {
      await expect(squeezeCommand.run(["models/smollm2-135m-draft-m/recipe.ts"])).rejects.toThrow(
        `Node ${process.versions.node} does not read TypeScript; run it with Node 22.18 or newer`,
      );
    } finally {
      features.mockRestore();
    }
  });
});
