/** Fill-in-the-middle in the Worker: `suffix` in /v1/completions, on the tiny pair with tokens for it. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type OpenAI from "openai";
import { afterAll, beforeAll, expect, test } from "vitest";
import { FILL, writeFillPacks } from "../support/fill-packs.ts";
import { answerOf, openaiOf, type Running, start } from "./harness.ts";

let home: string;
let run: Running;
let openai: OpenAI;

beforeAll(async () => {
  home = mkdtempSync(join(tmpdir(), "outrider-fill-"));
  run = await start({ packs: await writeFillPacks(home) });
  openai = openaiOf(run);
});
afterAll(async () => {
  await run?.close();
  rmSync(home, { recursive: true, force: true });
});

const COMPLETIONS = "/v1/completions";
const hole = { model: "tiny", prompt: "The riders went ahead to ", suffix: " and the wagons followed." };
/** The same prompt as a raw text. */
const markup = `<|fim_prefix|><|fim_suffix|>${hole.suffix}<|fim_middle|>${hole.prompt}`;
const ask = (fields: object, outrider: object = {}) =>
  answerOf(run.post(COMPLETIONS, { ...hole, ...fields, outrider }));

test.each([0, 0.8])("the same text at temperature %d whoever drafts, streamed or not", async (temperature) => {
  const asked = { temperature, seed: 5, max_tokens: 60 };
  const alone = await ask(asked, { draft: "off" });
  expect(alone.usage.completion_tokens).toBeGreaterThan(20);
  for (const draft of ["model", "lookup", "both"] as const) {
    const body = { ...hole, ...asked, outrider: { draft, patience_ms: 2000 } };
    const answer = await answerOf(run.post(COMPLETIONS, body));
    expect(answer.text, draft).toBe(alone.text);
    if (draft !== "lookup") expect(answer.timings.draft_n_accepted).toBeGreaterThan(5);
    const stream = await openai.completions.create({ ...body, stream: true });
    let text = "";
    for await (const chunk of stream) text += chunk.choices[0]?.text ?? "";
    expect(text, draft).toBe(alone.text);
  }
});

test("the answer depends on the suffix, and is no continuation of the prompt", async () => {
  const asked = { temperature: 0, max_tokens: 20 };
  const texts = [
    await ask(asked),
    await ask({ ...asked, suffix: " behind the hills." }),
    await ask({ ...asked, suffix: null }),
  ].map(({ text }) => text);
  expect(new Set(texts).size).toBe(3);
});

test("the prompt is prefix, suffix and middle: the same as these ids", async () => {
  const asked = { temperature: 0, max_tokens: 20 };
  const filled = await ask(asked);
  const raw = await ask({ ...asked, prompt: markup, suffix: null });
  expect(filled.text).toBe(raw.text);
  expect(filled.usage.prompt_tokens).toBe(raw.usage.prompt_tokens);
});

test("a filling ends at the model's own end of fillings, which ends no other answer", async () => {
  const asked = { temperature: 1.6, max_tokens: 400 };
  for (let seed = 0; seed < 20; seed++) {
    const raw = await ask({ ...asked, seed, prompt: markup, suffix: null }, { draft: "off", trace: true });
    const at = raw.outrider.tokens.findIndex(({ id }) => id === FILL.pad);
    if (at < 0 || at + 1 === raw.usage.completion_tokens) continue;
    for (const draft of ["off", "both"]) {
      const { choices, outrider } = await ask({ ...asked, seed }, { draft, patience_ms: 2000, trace: true });
      expect(choices[0]).toMatchObject({ finish_reason: "stop" });
      expect(outrider.tokens).toHaveLength(at);
    }
    return;
  }
  expect.unreachable("the tiny model drew no padding; give it more seeds");
});

test("a hole may be at the beginning of a file", async () => {
  const { usage } = await ask({ prompt: "", max_tokens: 2 });
  expect(usage.prompt_tokens).toBeGreaterThan(3);
});

test.each([
  ["prompt and suffix over the context", { suffix: "wagons ".repeat(4000) }, "context_length_exceeded", "prompt"],
  ["token ids with a suffix", { prompt: [5, 6] }, "invalid_request", "suffix"],
])("%s is refused", async (_, fields, code, param) => {
  const response = await run.post(COMPLETIONS, { ...hole, ...fields });
  expect(response.status).toBe(400);
  const { error } = (await response.json()) as { error: Record<string, unknown> };
  expect(error).toMatchObject({ code, param });
});

test("a model without tokens for it is refused by name", async () => {
  const plain = await start();
  try {
    const response = await plain.post(COMPLETIONS, hole);
    expect(response.status).toBe(400);
    const { error } = (await response.json()) as { error: { code: string; message: string } };
    expect(error.code).toBe("no_fill_in_the_middle");
    expect(error.message).toMatch(/suffix/);
  } finally {
    await plain.close();
  }
});
