import { describe, expect, test } from "vitest";
import { OutriderError } from "../../src/core/model/errors.ts";
import { TokenDecoder } from "../../src/core/model/tokenizer.ts";
import { AnswerText, formOf, type Piece } from "../../src/edge/api/openai/stream.ts";
import type { Head, Outcome, TracedToken } from "../../src/edge/api/outcome.ts";
import { seeded } from "../support/random.ts";

/** Tokens are indexes into a list of byte strings. */
const answerText = (tokens: readonly (string | Uint8Array)[], stops: string[] = []) =>
  new AnswerText(
    new TokenDecoder((id) => {
      const token = tokens[id]!;
      return typeof token === "string" ? new TextEncoder().encode(token) : token;
    }),
    stops,
  );

function say(tokens: readonly (string | Uint8Array)[], stops: string[] = []) {
  const text = answerText(tokens, stops);
  const pieces: Piece[] = [];
  for (let id = 0; id < tokens.length && !text.stopped; id++) pieces.push(text.push({ id, kept: id % 2 === 0 }, 1));
  const atEnd = text.end();
  return { pieces: pieces.map((piece) => piece.text), end: atEnd.text, all: [...pieces, atEnd], stopped: text.stopped };
}

describe("text of an answer", () => {
  test("without stops every token is shown at once", () => {
    expect(say(["Hel", "lo", " you"])).toMatchObject({ pieces: ["Hel", "lo", " you"], end: "" });
  });

  test("a character spread over tokens comes with its last one", () => {
    const [a, b, c] = [Uint8Array.of(0xf0, 0x9f), Uint8Array.of(0x90), Uint8Array.of(0x8e)];
    expect(say(["x", a, b, c, "!"])).toMatchObject({ pieces: ["x", "", "", "🐎", "!"], end: "" });
  });

  test("half a character at the end becomes U+FFFD and belongs to the token that began it", () => {
    const { all, end } = say(["x", Uint8Array.of(0xc3)]);
    expect(end).toBe("\uFFFD");
    expect(all.at(-1)?.tokens).toEqual([{ id: 1, text: "\uFFFD", kept: false, pass: 1 }]);
  });

  test("rejected draft tokens have texts of their own, half characters included", () => {
    const text = answerText(["a", Uint8Array.of(0xc3), Uint8Array.of(0xa9), " b"]);
    text.push({ id: 1, kept: false }, 1);
    const { tokens } = text.push({ id: 2, kept: false, rejected: [0, 3, 1] }, 2);
    expect(tokens.map((token) => token.text).join("")).toBe("é");
    expect(tokens[1]).toMatchObject({ pass: 2, rejected: ["a", " b", "\uFFFD"] });
  });

  test("what may begin a stop string is held back until it is decided", () => {
    expect(say(["a", "STO", "x", "b"], ["STOP"])).toMatchObject({ pieces: ["a", "", "STOx", "b"], stopped: false });
    expect(say(["a", "STO", "P", "b"], ["STOP"])).toMatchObject({ pieces: ["a", "", ""], end: "", stopped: true });
    expect(say(["a", "STO"], ["STOP"])).toMatchObject({ pieces: ["a", ""], end: "STO", stopped: false });
  });

  test("a stop in the middle of a token cuts the token", () => {
    const { all, stopped } = say(["one. Two", " three"], [". "]);
    expect(stopped).toBe(true);
    expect(all.flatMap((piece) => piece.tokens)).toEqual([{ id: 0, text: "one", kept: true, pass: 1 }]);
  });

  test("tokens, stops and cuts at random: the answer ends at the first stop, and the trace joins to it", () => {
    const random = seeded(5);
    const pick = <T>(from: readonly T[]): T => from[Math.floor(random() * from.length)]!;
    for (let round = 0; round < 3000; round++) {
      const tokens = Array.from({ length: 1 + Math.floor(random() * 12) }, () =>
        Array.from({ length: Math.floor(random() * 4) }, () => pick([..."ab"])).join(""),
      );
      const stops = Array.from({ length: Math.floor(random() * 3) }, () =>
        Array.from({ length: 1 + Math.floor(random() * 4) }, () => pick([..."ab"])).join(""),
      );
      // The definition: at the first token boundary where a stop is complete, cut at its earliest occurrence.
      let expected = tokens.join("");
      for (let n = 1; n <= tokens.length; n++) {
        const text = tokens.slice(0, n).join("");
        const at = Math.min(...stops.map((stop) => text.indexOf(stop)).filter((i) => i >= 0));
        if (at !== Infinity) {
          expected = text.slice(0, at);
          break;
        }
      }
      const { all } = say(tokens, stops);
      expect(all.map((piece) => piece.text).join("")).toBe(expected);
      expect(all.flatMap((piece) => piece.tokens.map((token) => token.text)).join("")).toBe(expected);
      // Nothing that was shown is ever taken back, and nothing is held back without reason.
      let shown = "";
      for (const [n, piece] of all.slice(0, -1).entries()) {
        shown += piece.text;
        const text = tokens.slice(0, n + 1).join("");
        const held = text.slice(shown.length);
        const reason = stops.some((stop) =>
          Array.from(held, (_, i) => held.slice(i)).some((rest) => stop.startsWith(rest)),
        );
        if (held !== "" && expected.length >= text.length) expect(reason).toBe(true);
      }
    }
  });
});

const head: Head = { kind: "chat", id: "chatcmpl-1", created: 5, model: "m" };
const token = (id: number, text: string, kept: boolean): TracedToken => ({ id, text, kept, pass: id });
const outcome: Outcome = {
  finish: "length",
  timings: {
    cache_n: 3,
    prompt_n: 4,
    prompt_ms: 10,
    predicted_n: 2,
    predicted_ms: 20,
    predicted_per_second: 100,
    draft_n: 2,
    draft_n_judged: 1,
    draft_n_accepted: 1,
    draft_n_thrown: 1,
    draft_read_n: 30,
    target_passes: 2,
  },
  account: { seed: 9, draft: "model", patience_ms: 0, draft_cache_n: 0 },
};
const usage = {
  prompt_tokens: 7,
  completion_tokens: 2,
  total_tokens: 9,
  prompt_tokens_details: { cached_tokens: 3 },
};

const PIECES: readonly Piece[] = [
  { text: "Hel", tokens: [token(1, "Hel", true)] },
  { text: "", tokens: [] },
  { text: "lo", tokens: [token(2, "lo", false)] },
];
const asked = { stream: true, includeUsage: false, trace: false };

/** The whole answer, or with `failure` what is sent when it breaks after two pieces. */
function sent(own: Head, generation: typeof asked, failure?: Error): string {
  const form = formOf(own, generation);
  const pieces = failure ? PIECES.slice(0, 2) : PIECES;
  const body = form.begin() + pieces.map((piece) => form.piece(piece)).join("");
  return body + (failure ? form.failed!(failure) : form.end(outcome));
}

function events(own: Head, generation: Partial<typeof asked>, failure?: Error) {
  const text = sent(own, { ...asked, ...generation }, failure);
  expect(text).toMatch(/^(data: .*\n\n)+$/);
  const data = text
    .slice(0, -2)
    .split("\n\n")
    .map((event) => event.slice("data: ".length));
  return {
    done: data.at(-1) === "[DONE]",
    chunks: data.filter((line) => line !== "[DONE]").map((line) => JSON.parse(line)),
  };
}

describe("server-sent events", () => {
  test("role, pieces, finish with usage and timings, [DONE]", () => {
    const { chunks, done } = events(head, { includeUsage: false, trace: false });
    expect(done).toBe(true);
    expect(chunks.map((chunk) => chunk.choices[0])).toEqual([
      { index: 0, delta: { role: "assistant", content: "" }, logprobs: null, finish_reason: null },
      { index: 0, delta: { content: "Hel" }, logprobs: null, finish_reason: null },
      { index: 0, delta: { content: "lo" }, logprobs: null, finish_reason: null },
      { index: 0, delta: {}, logprobs: null, finish_reason: "length" },
    ]);
    for (const chunk of chunks) {
      expect(chunk).toMatchObject({ id: "chatcmpl-1", object: "chat.completion.chunk", created: 5, model: "m" });
    }
    expect(chunks.slice(0, -1).some((chunk) => "usage" in chunk || "timings" in chunk)).toBe(false);
    expect(chunks.at(-1)).toMatchObject({ usage, timings: outcome.timings, outrider: outcome.account });
  });

  test("with include_usage the last chunk has usage and no choices, all others usage null", () => {
    const { chunks, done } = events(head, { includeUsage: true, trace: false });
    expect(done).toBe(true);
    expect(chunks).toHaveLength(5);
    expect(chunks.slice(0, -1).map((chunk) => chunk.usage)).toEqual([null, null, null, null]);
    expect(chunks.at(-2).choices[0].finish_reason).toBe("length");
    expect(chunks.at(-1)).toMatchObject({ choices: [], usage, timings: outcome.timings });
  });

  test("what the client expected: how much of it was drafted from and kept, and how much not", () => {
    const form = formOf(head, asked);
    const expected = form.end({ ...outcome, prediction: { drafted: 9, kept: 7 } });
    expect(expected).toContain(
      '"completion_tokens_details":{"accepted_prediction_tokens":7,"rejected_prediction_tokens":2}',
    );
    expect(form.end(outcome)).not.toContain("completion_tokens_details");
  });

  test("with trace each chunk tells its tokens", () => {
    const { chunks } = events(head, { includeUsage: false, trace: true });
    expect(chunks.slice(1, 3).map((chunk) => chunk.outrider)).toEqual([
      { tokens: [{ id: 1, text: "Hel", kept: true, pass: 1 }] },
      { tokens: [{ id: 2, text: "lo", kept: false, pass: 2 }] },
    ]);
  });

  test("text completions have text instead of a delta, and no role chunk", () => {
    const { chunks } = events({ ...head, kind: "text" }, { includeUsage: false, trace: false });
    expect(chunks.map((chunk) => [chunk.object, chunk.choices[0].text])).toEqual([
      ["text_completion", "Hel"],
      ["text_completion", "lo"],
      ["text_completion", ""],
    ]);
  });

  test("an error in the middle is one error event and the end, without [DONE]", () => {
    const failure = new OutriderError("origin_lost", "the origin is gone", { status: 503 });
    const { chunks, done } = events(head, { includeUsage: false, trace: false }, failure);
    expect(done).toBe(false);
    expect(chunks.at(-1)).toEqual({
      error: { message: "the origin is gone", type: "server_error", param: null, code: "origin_lost" },
    });
    expect(chunks.filter((chunk) => chunk.error)).toHaveLength(1);
  });

  test("an error that is not ours keeps its words to itself", () => {
    const { chunks } = events(head, { includeUsage: false, trace: false }, new Error("secret"));
    expect(JSON.stringify(chunks)).not.toContain("secret");
    expect(chunks.at(-1).error.code).toBe("internal_error");
  });
});

describe("answers that are not streamed", () => {
  const whole = { ...asked, stream: false };

  test("nothing before the object", () => {
    const text = sent(head, { ...whole, trace: true });
    expect(text.startsWith("{")).toBe(true);
    expect(JSON.parse(text)).toEqual({
      id: "chatcmpl-1",
      object: "chat.completion",
      created: 5,
      model: "m",
      choices: [
        {
          index: 0,
          message: { role: "assistant", content: "Hello", refusal: null },
          logprobs: null,
          finish_reason: "length",
        },
      ],
      usage,
      timings: outcome.timings,
      outrider: { ...outcome.account, tokens: [token(1, "Hel", true), token(2, "lo", false)] },
    });
  });

  test("are held until their end, since what breaks them decides their status", () => {
    expect(formOf(head, whole).failed).toBeNull();
  });
});
