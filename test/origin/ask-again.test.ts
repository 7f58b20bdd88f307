import { expect, test } from "vitest";
import type { Likeliest } from "../../src/core/speculate/likeliest.ts";
import { GREEDY } from "../../src/core/speculate/types.ts";
import { acceptAskingAgain } from "../../src/origin/engines/ask-again.ts";

const V = 100;
const sure = (id: number): Likeliest => ({ ids: [id], logits: [0], logTotal: 0, most: -1 });
/** As likely as any other: greedily any token may come. */
const open = (id: number): Likeliest => ({ ids: [id], logits: [0], logTotal: 0, most: 0 });
const draft = [5, 6, 7];

/** Asks about rows of the draft behind [1, 2]; `told` answers once all that is asked at a time was asked. */
async function asking(rows: readonly Likeliest[], told: (row: number) => Likeliest | null) {
  const pass = {
    timeline: [1, 2],
    draft,
    siblings: [],
    deciding: { sampling: GREEDY, rule: { kind: "exact" as const }, stop: new Set<number>() },
  };
  const rounds: number[][] = [];
  let round: number[] | null = null;
  const decision = await acceptAskingAgain(pass, rows, [], V, async ({ before, position }) => {
    if (!round) {
      round = [];
      rounds.push(round);
      setTimeout(() => {
        round = null;
      });
    }
    const row = position - 2;
    expect(before).toEqual([1, 2, ...draft.slice(0, row)]);
    round.push(row);
    await new Promise((resolve) => setTimeout(resolve));
    return told(row);
  });
  return { decision, rounds };
}

test("open rows that the draft may reach are asked about at the same time", async () => {
  const { decision, rounds } = await asking([open(5), sure(6), open(7), sure(8)], (row) => sure(row + 5));
  expect(decision).toEqual({ kept: 3, tokens: [5, 6, 7, 8], passes: 2 });
  expect(rounds).toEqual([[0, 2]]);
});

test("rows behind a token that is not the draft's are not asked about", async () => {
  const { decision, rounds } = await asking([open(5), sure(9), open(7), open(8)], (row) => sure(row + 5));
  // What is open behind a wrong token is told as unknown.
  expect(decision).toEqual({ kept: 1, tokens: [5, 9], recycled: [null, null], passes: 2 });
  expect(rounds).toEqual([[0]]);
});

test("what stays open is asked about again, and ends the decision where there is no more", async () => {
  const answers = [[sure(5)], [open(6), null], [sure(7)]];
  const rows = [open(5), open(6), open(7), sure(8)];
  const { decision, rounds } = await asking(rows, (row) => answers[row]!.shift()!);
  expect(decision).toEqual({ kept: 1, tokens: [5], passes: 2 });
  expect(rounds).toEqual([[0, 1, 2], [1]]);
});
