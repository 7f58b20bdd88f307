import { describe, expect, test } from "vitest";
import { accept, fullScores, positionsOf } from "../../src/core/speculate/accept.ts";
import { GREEDY, type Rule, type Sampling, type Sibling } from "../../src/core/speculate/types.ts";
import { seeded } from "../support/random.ts";
import { reference, STOP, scriptedRows, V } from "../support/scripted.ts";

const EXACT: Rule = { kind: "exact" };
const NONE = new Set<number>();

/** What is decided from all logits, (K + 1 + siblings, V). */
function decide(
  rows: Float32Array,
  draft: readonly number[],
  position: number,
  sampling: Sampling,
  rule: Rule,
  stop: ReadonlySet<number>,
  siblings: readonly Sibling[] = [],
) {
  const positions = positionsOf(position, draft.length, siblings);
  return accept(fullScores(rows, rows.length / positions.length, sampling, positions), draft, rule, stop, siblings);
}

describe("exact", () => {
  for (const sampling of [GREEDY, { temperature: 0.9, topK: 0, topP: 0.95, minP: 0, seed: 77 }] as Sampling[]) {
    test(`any sequence of drafts decides what no draft decides (temperature ${sampling.temperature})`, () => {
      const random = seeded(1);
      for (let run = 0; run < 60; run++) {
        const prompt = [1 + Math.floor(random() * (V - 1)), 1 + Math.floor(random() * (V - 1))];
        const expected = reference(prompt, sampling, 80, [STOP]).tokens;
        const timeline = [...prompt];
        const stop = new Set([STOP]);
        while (timeline.length - prompt.length < 80 && timeline.at(-1) !== STOP) {
          const at = timeline.length - prompt.length;
          const right = expected.slice(at, at + Math.floor(random() * 6));
          const draft = right.map((id) => (random() < 0.2 ? Math.floor(random() * V) : id));
          const firstWrong = draft.findIndex((id, i) => id !== right[i]);
          // Of the tokens that are wrong some have the right one for a sibling, and any may have a wrong one.
          const siblings = draft.flatMap((_, at) => [
            ...(random() < 0.5 ? [{ at, id: Math.floor(random() * V) }] : []),
            ...(random() < 0.5 ? [{ at, id: right[at]! }] : []),
          ]);
          const rows = scriptedRows(timeline, draft, siblings);
          const { kept, tokens, recycled } = decide(rows, draft, timeline.length, sampling, EXACT, stop, siblings);
          const saved = siblings.some(({ at, id }) => at === firstWrong && id === right[at]);
          const wanted = firstWrong < 0 ? draft.length : firstWrong + (saved ? 1 : 0);
          if (!right.includes(STOP)) {
            expect(kept).toBe(wanted);
            expect(tokens).toHaveLength(wanted + 1);
            const refused = firstWrong < 0 ? [] : draft.slice(firstWrong);
            const behind = refused.map((_, n) => [...timeline, ...draft.slice(0, firstWrong + n + 1)]);
            expect(recycled ?? []).toEqual(behind.map((before) => reference(before, sampling, 1, []).tokens[0]));
          }
          timeline.push(...tokens);
        }
        expect(timeline.slice(prompt.length, prompt.length + 80)).toEqual(
          expected.slice(0, timeline.length - prompt.length),
        );
      }
    });
  }

  test("an empty draft gives one token of the target's own", () => {
    const row = scriptedRows([3, 4], []);
    expect(decide(row, [], 2, GREEDY, EXACT, NONE)).toEqual({
      kept: 0,
      tokens: reference([3, 4], GREEDY, 1, []).tokens,
    });
  });

  test("nothing is decided after a kept stop token", () => {
    const rows = Float32Array.of(0, 9, 0, 9, 0, 0, 0, 0, 9);
    expect(decide(rows, [1, 0], 5, GREEDY, EXACT, new Set([1]))).toEqual({ kept: 1, tokens: [1] });
    expect(decide(rows, [1, 0], 5, GREEDY, EXACT, new Set([0]))).toEqual({ kept: 2, tokens: [1, 0] });
    expect(decide(rows, [1, 0], 5, GREEDY, EXACT, NONE)).toEqual({ kept: 2, tokens: [1, 0, 2] });
    // The rows: after nothing, after the draft's 0, after the sibling 1.
    expect(decide(rows, [0], 5, GREEDY, EXACT, new Set([1]), [{ at: 0, id: 1 }])).toEqual({ kept: 1, tokens: [1] });
    expect(decide(rows, [0], 5, GREEDY, EXACT, NONE, [{ at: 0, id: 1 }])).toEqual({
      kept: 1,
      tokens: [1, 2],
      recycled: [0],
    });
  });
});

describe("BiLD", () => {
  const row = (...probabilities: number[]) => probabilities.map(Math.log);
  const bild = (alphaRollback: number): Rule => ({ kind: "bild", alphaRollback });

  test("keeps a token while its cost is at most alpha, then puts the target's own", () => {
    const rows = Float32Array.from([...row(0.7, 0.2, 0.1), ...row(0.6, 0.36, 0.04), ...row(0.1, 0.1, 0.8)]);
    // −ln 0.2 = 1.61, −ln 0.04 = 3.22
    expect(decide(rows, [1, 2], 0, GREEDY, bild(1.7), NONE)).toEqual({ kept: 1, tokens: [1, 0], recycled: [2] });
    expect(decide(rows, [1, 2], 0, GREEDY, bild(3.3), NONE)).toEqual({ kept: 2, tokens: [1, 2, 2] });
    expect(decide(rows, [1, 2], 0, GREEDY, bild(1.5), NONE)).toEqual({ kept: 0, tokens: [0], recycled: [0, 2] });
  });

  test("alpha 0 keeps the target's own token although its cost is above 0, as in the exact rule", () => {
    const rows = Float32Array.from([...row(0.5, 0.3, 0.2), ...row(0.2, 0.5, 0.3)]);
    expect(decide(rows, [0], 0, GREEDY, bild(0), NONE)).toEqual({ kept: 1, tokens: [0, 1] });
  });

  test("judges by the plain softmax whatever the temperature", () => {
    const rows = Float32Array.from([...row(0.7, 0.2, 0.1), ...row(0.7, 0.2, 0.1)]);
    const hot: Sampling = { temperature: 50, topK: 1, topP: 1, minP: 0, seed: 1 };
    expect(decide(rows, [1], 0, hot, bild(1.7), NONE).kept).toBe(1);
    expect(decide(rows, [2], 0, hot, bild(1.7), NONE)).toEqual({ kept: 0, tokens: [0], recycled: [0] });
  });
});
