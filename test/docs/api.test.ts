/** Generated documents are up to date, and real answers are what the API document says. */
import { globSync, readFileSync } from "node:fs";
import { resolve } from "node:path";
import { expect, test } from "vitest";
import * as z from "zod";
import { apiFiles } from "../../docs/api.ts";
import { commandFiles } from "../../docs/commands.ts";
import { OutriderError } from "../../src/core/model/errors.ts";
import { answerSchemas } from "../../src/edge/api/document/answer-schemas.ts";
import { openapi } from "../../src/edge/api/document/openapi.ts";
import { errorBody } from "../../src/edge/api/error-response.ts";
import { ERRORS } from "../../src/edge/api/error-table.ts";
import { chunk, modelObject } from "../../src/edge/api/openai/reply.ts";
import { formOf, type Piece } from "../../src/edge/api/openai/stream.ts";
import type { Head, Outcome } from "../../src/edge/api/outcome.ts";

const ROOT = resolve(import.meta.dirname, "../..");

test.each(Object.entries({ ...apiFiles(), ...(await commandFiles()) }))(
  "%s is up to date: npm run docs:generate",
  (file, content) => {
    expect(readFileSync(resolve(ROOT, file), "utf8")).toBe(content);
  },
);

test("every reference in the document leads somewhere, and every field says what it is", () => {
  const api = openapi();
  const text = JSON.stringify(api);
  const names = [...text.matchAll(/"#\/components\/schemas\/(\w+)"/g)].map((match) => match[1] as string);
  expect(new Set(names).difference(new Set(Object.keys(api.components.schemas)))).toEqual(new Set());
  for (const name of ["ChatRequest", "CompletionRequest", "OutriderOptions", "Timings", "Account", "Measured"]) {
    const silent = Object.entries(api.components.schemas[name]?.properties ?? {}).filter(
      ([, field]) => !field.description,
    );
    expect(silent, name).toEqual([]);
  }
});

/** A schema that refuses fields which it does not name, all the way down. */
function strict(schema: z.ZodType): z.ZodType {
  return z.fromJSONSchema(close(z.toJSONSchema(schema)) as Parameters<typeof z.fromJSONSchema>[0]);
}

function close(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(close);
  if (typeof value !== "object" || value === null) return value;
  const inner = Object.fromEntries(Object.entries(value).map(([key, field]) => [key, close(field)]));
  return "properties" in inner ? { ...inner, additionalProperties: false } : inner;
}

const trace = [{ id: 4, text: "road", kept: true, pass: 2, rejected: ["way"] }];
const outcome: Outcome = {
  finish: "length",
  timings: {
    cache_n: 3,
    prompt_n: 2,
    prompt_ms: 12,
    predicted_n: 1,
    predicted_ms: 0,
    predicted_per_second: 0,
    draft_n: 4,
    draft_n_judged: 2,
    draft_n_accepted: 1,
    draft_n_thrown: 1,
    draft_read_n: 30,
    target_passes: 1,
  },
  account: {
    seed: 7,
    draft: "model",
    patience_ms: 100,
    draft_cache_n: 0,
    undrafted: true,
    measured: {
      round_trip_ms: 1,
      target_step_ms: 2,
      position_ms: 0.5,
      draft_step_ms: 1,
      acceptance: 0.6,
      break_even_ms: 30,
    },
  },
};
const head = (kind: Head["kind"]): Head => ({ kind, id: "id", created: 1, model: "tiny" });

/** An answer of one piece that is not streamed. */
function whole(head: Head, piece: Piece, outcome: Outcome, trace: boolean): unknown {
  const form = formOf(head, { stream: false, includeUsage: false, trace });
  return JSON.parse(form.begin() + form.piece(piece) + form.end(outcome));
}

test.each([
  ["chat", answerSchemas.chat],
  ["text", answerSchemas.text],
] as const)("a whole %s answer is as the document says", (kind, schema) => {
  for (const tokens of [trace, null]) {
    const answer = whole(head(kind), { text: "road", tokens: tokens ?? [] }, outcome, tokens !== null);
    expect(strict(schema).safeParse(answer)).toMatchObject({ success: true });
  }
});

test("an answer that calls a tool is as the document says, whole and streamed", () => {
  const deltas = [
    { kind: "call", index: 0, name: "look_up" },
    { kind: "arguments", index: 0, text: "{}" },
  ] as const;
  const calls = { ...outcome, finish: "tool_calls" } as const;
  const answer = whole(head("chat"), { text: "{}", tokens: trace, deltas }, calls, false);
  expect(strict(answerSchemas.chat).safeParse(answer)).toMatchObject({ success: true });
  const offer = { tools: [], choice: "auto", several: true } as const;
  const form = formOf(head("chat"), { stream: true, includeUsage: false, trace: true, offer });
  const text = form.begin() + form.piece({ text: "{}", tokens: trace, deltas }) + form.end(calls);
  const sent = (text.match(/.*\n\n/g) as string[]).slice(0, -1);
  expect(sent).toHaveLength(4);
  for (const event of sent) {
    const chunk = JSON.parse(event.slice("data: ".length));
    expect(strict(answerSchemas.chatChunk).safeParse(chunk), event).toMatchObject({ success: true });
  }
});

test.each([
  ["chat", answerSchemas.chatChunk],
  ["text", answerSchemas.textChunk],
] as const)("every chunk of a streamed %s answer is as the document says", (kind, schema) => {
  for (const includeUsage of [true, false]) {
    const form = formOf(head(kind), { stream: true, includeUsage, trace: true });
    const text = form.begin() + form.piece({ text: "road", tokens: trace }) + form.end(outcome);
    const sent = text.match(/.*\n\n/g) as string[];
    expect(sent.pop()).toBe("data: [DONE]\n\n");
    expect(sent.length).toBeGreaterThan(1);
    for (const event of sent) {
      expect(strict(schema).safeParse(JSON.parse(event.slice("data: ".length))), event).toMatchObject({
        success: true,
      });
    }
  }
});

test("the comparison notices a field that the document lacks", () => {
  const answer = { ...chunk(head("chat"), { content: "road" }), more: 1 };
  expect(strict(answerSchemas.chatChunk).safeParse(answer).success).toBe(false);
});

test("models and errors are as the document says", () => {
  expect(strict(answerSchemas.model).safeParse(modelObject("tiny"))).toMatchObject({ success: true });
  const errors = [new OutriderError("origin_busy", "busy", { status: 429 }), new Error("insides")];
  for (const error of errors) {
    expect(strict(answerSchemas.error).safeParse(errorBody(error))).toMatchObject({ success: true });
  }
});

test("every code that the edge gives a client is in the table of errors", () => {
  // Who has left is told nothing, and what a draft lacks ends its drafting and no answer.
  const untold = ["closed", "kv_full", "draft_too_large"];
  const listed = new Set([...untold, ...Object.values(ERRORS).flatMap((codes) => Object.keys(codes))]);
  const files = globSync("src/edge/**/*.ts", { cwd: ROOT });
  const text = files.map((name) => readFileSync(resolve(ROOT, name), "utf8")).join("\n");
  const given = [...text.matchAll(/OutriderError\(\s*"(\w+)"/g)].map((match) => match[1] as string);
  expect(given.length).toBeGreaterThan(10);
  expect(given.filter((code) => !listed.has(code))).toEqual([]);
});
