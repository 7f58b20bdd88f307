import { describe, expect, test } from "vitest";
import { TokenDecoder } from "../../src/core/model/tokenizer.ts";
import type { Step, Summary } from "../../src/core/speculate/round.ts";
import { AnswerText, type Piece } from "../../src/edge/api/openai/stream.ts";
import { answer } from "../../src/edge/session/answer.ts";

const END = 0;
const words = ["", "one ", "two ", "three ", "four "];
const text = (stops: string[] = []) =>
  new AnswerText(new TokenDecoder((id) => new TextEncoder().encode(words[id])), stops);

let left = false;
/** Steps with these tokens, the first `kept` of each being kept drafts. */
async function* steps(
  plan: [kept: number, ...ids: number[]][],
  summary: Partial<Summary>,
): AsyncGenerator<Step, Summary> {
  left = true;
  let position = 10;
  for (const [i, [kept, ...ids]] of plan.entries()) {
    yield {
      tokens: ids.map((id, n) => ({ id, kept: n < kept })),
      verdict: { position, kept, tokens: ids, passes: i + 1, stepMs: 1, turn: null } as unknown as Step["verdict"],
      drafted: (i + 1) * 3,
      verified: i + 1,
      thrown: i,
      prediction: { drafted: i + 1, kept: i },
    };
    position += ids.length;
  }
  left = false;
  return { reason: "stop", drafted: 99, verified: 0, thrown: 0, kept: 0, passes: plan.length, ...summary } as Summary;
}

async function run(plan: Parameters<typeof steps>[0], summary: Partial<Summary> = {}, stops: string[] = []) {
  let clock = 1000;
  const tokens = answer(steps(plan, summary), text(stops), new Set([END]), () => (clock += 10));
  const pieces: Piece[] = [];
  for (;;) {
    const step = await tokens.next();
    if (step.done) return { said: pieces.map((piece) => piece.text), tally: step.value };
    pieces.push(step.value);
  }
}

describe("an answer", () => {
  test("one piece a step; the token that ends it is counted and has no text", async () => {
    const { said, tally } = await run(
      [
        [0, 1],
        [2, 2, 3, 4],
        [1, 1, END],
      ],
      { drafted: 9, verified: 5, thrown: 4, prediction: { drafted: 9, kept: 5 } },
    );
    expect(said).toEqual(["one ", "two three four ", "one ", ""]);
    expect(tally).toEqual({
      finish: "stop",
      predicted: 6,
      drafted: 9,
      thrown: 4,
      verified: 5,
      kept: 3,
      passes: 3,
      prediction: { drafted: 9, kept: 5 },
      undrafted: false,
      firstAt: 1010,
      lastAt: 1030,
    });
  });

  test("the reason is the target's", async () => {
    expect((await run([[0, 1]], { reason: "length" })).tally.finish).toBe("length");
  });

  test("a stop string ends it early: later tokens of the step do not count, and the target is told", async () => {
    const { said, tally } = await run(
      [
        [0, 1],
        [3, 2, 3, 4, 1],
        [0, 2],
      ],
      { reason: "length" },
      ["three"],
    );
    expect(said.join("")).toBe("one two ");
    expect(tally).toMatchObject({ finish: "stop", predicted: 3, kept: 2, verified: 2, drafted: 6, passes: 2 });
    // The steps were ended before their third.
    expect(left).toBe(true);
  });

  test("leaving early ends the steps", async () => {
    let ended = false;
    async function* endless(): AsyncGenerator<Step, Summary> {
      try {
        for (;;) yield* steps([[0, 1]], {}) as AsyncGenerator<Step, never>;
      } finally {
        ended = true;
      }
    }
    const pieces = answer(endless(), text(), new Set(), () => 1);
    await pieces.next();
    await pieces.return(undefined as never);
    expect(ended).toBe(true);
  });
});
