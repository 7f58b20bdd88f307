/** An edge without a draft model: tokenizer, Sessions and lookup drafts, before the same origin. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { TINY_PACKS } from "../support/tiny.ts";
import { answerOf, type Running, start } from "./harness.ts";

let edge: Running;
beforeAll(async () => {
  edge = await start({ packs: { target: TINY_PACKS.target, draft: null } });
});
afterAll(() => edge.close());

/** Words that come again, so that there is something to copy. */
const PROMPT = "one two three one two three one two three one two";
const ask = (outrider: object, fields: object = {}) =>
  edge.post("/v1/completions", { model: "tiny", prompt: PROMPT, max_tokens: 40, seed: 5, ...fields, outrider });

test.each([0, 0.8])("the text is the same with lookup drafts and without (temperature %d)", async (temperature) => {
  const off = await answerOf(ask({ draft: "off" }, { temperature }));
  for (const outrider of [{}, { draft: "lookup" }, { draft: "both" }, { patience_ms: 0 }]) {
    const { text, outrider: account } = await answerOf(ask(outrider, { temperature }));
    expect(text).toBe(off.text);
    expect(account.draft).toBe("lookup");
  }
  expect(off.outrider.draft).toBe("off");
});

test("copies are drafted and kept", async () => {
  const { timings } = await answerOf(ask({ patience_ms: 2000 }, { temperature: 0, max_tokens: 200 }));
  expect(timings.draft_n_accepted).toBeGreaterThan(0);
  expect(timings.target_passes).toBeLessThan(timings.predicted_n);
});

describe("a prediction", () => {
  const fields = { temperature: 0, max_tokens: 200, prompt: "Tell me about the road" };
  const patient = { patience_ms: 2000 };

  test("spares nearly all passes where it comes true, and the text is the same", async () => {
    const without = await answerOf(ask(patient, fields));
    const prediction = { type: "content", content: without.text };
    const { text, usage, timings } = await answerOf(ask(patient, { ...fields, prediction }));
    expect(text).toBe(without.text);
    const details = (usage as { completion_tokens_details?: Record<string, number> }).completion_tokens_details!;
    expect(details.accepted_prediction_tokens).toBeGreaterThan(0.7 * timings.predicted_n);
    expect(timings.target_passes / timings.predicted_n).toBeLessThan(0.15);
    expect(without.usage).not.toHaveProperty("completion_tokens_details");
  });

  test("changes no token where it is wrong", async () => {
    const without = await answerOf(ask({ draft: "off" }, fields));
    const prediction = { type: "content", content: "something else altogether ".repeat(20) };
    const { text, usage } = await answerOf(ask(patient, { ...fields, prediction }));
    expect(text).toBe(without.text);
    expect(usage).toMatchObject({ completion_tokens_details: { accepted_prediction_tokens: expect.any(Number) } });
  });

  test("has no more tokens than an answer can have", async () => {
    const response = await ask({}, { prediction: { type: "content", content: "road ".repeat(4000) } });
    expect(response.status).toBe(400);
    expect(await response.json()).toMatchObject({
      error: { code: "context_length_exceeded", param: "prediction", message: expect.stringContaining("2048 tokens") },
    });
  });
});

test("the model as drafter is refused with a sentence", async () => {
  const response = await ask({ draft: "model" });
  expect(response.status).toBe(400);
  expect(await response.json()).toMatchObject({
    error: { code: "no_draft_model", param: "outrider.draft", message: expect.stringContaining("lookup") },
  });
});

test("nothing of a draft is stored or counted", async () => {
  const { outrider } = await answerOf(
    edge.post(
      "/v1/completions",
      { model: "tiny", prompt: PROMPT, max_tokens: 8 },
      { headers: { "x-session-affinity": "bare" } },
    ),
  );
  expect(outrider.draft_cache_n).toBe(0);
  const response = await edge.post("/v1/completions", { model: "tiny", prompt: PROMPT, max_tokens: 1 });
  expect(response.ok).toBe(true);
});

test("the model's files are not offered to the world", async () => {
  expect((await fetch(`${edge.url}/model/target.json`)).status).toBe(404);
  expect((await fetch(`${edge.url}/model/tokenizer.json`)).status).toBe(404);
});
