/** What a trimmed draft draws where its rows stand for tokens of the conversation, against the target's rule. */
import { expect, test } from "vitest";
import { ShapedDraw } from "../../src/core/draft/shaped-draw.ts";
import { TokenRows } from "../../src/core/model/token-rows.ts";
import { chooseToken } from "../../src/core/speculate/sample.ts";
import { Shapers } from "../../src/core/speculate/shaping.ts";
import { GREEDY, type Sampling } from "../../src/core/speculate/types.ts";
import { held } from "../support/held-logits.ts";
import { normal, seeded } from "../support/random.ts";

const SIZE = 40;
const KEPT = Array.from({ length: SIZE / 2 }, (_, row) => 2 * row);
/** Odd ids are read as the even ones before them. */
const VOCABULARY = { kept: KEPT, substitutes: KEPT };

test("the draw is the target's own, noise and all, of a target that can say what the rows stand for", () => {
  const random = seeded(41);
  for (let i = 0; i < 400; i++) {
    const logits = Float32Array.from(KEPT, () => 3 * normal(random));
    const sampling: Sampling = i % 4 === 0 ? GREEDY : { ...GREEDY, temperature: 1, topK: i % 3 === 0 ? 5 : 0, seed: i };
    const before = Array.from({ length: i % 30 }, () => Math.floor(random() * SIZE));
    const whole = new Float32Array(SIZE).fill(Number.NEGATIVE_INFINITY);
    for (const [row, logit] of logits.entries()) {
      const read = before.findLast((id) => id === KEPT[row] || id === KEPT[row]! + 1);
      whole[read ?? KEPT[row]!] = logit;
    }
    const own = held(logits, 100, VOCABULARY);
    const drawn = new ShapedDraw(own, sampling).draw(own.logits, before, 3);
    expect(drawn[0]!.id).toBe(chooseToken(whole, sampling, before.length));
    expect(drawn.every(({ id }) => whole[id]! > Number.NEGATIVE_INFINITY)).toBe(true);
  }
});

test("penalties and masks are those of the tokens that rows stand for", () => {
  const logits = Float32Array.from(KEPT, (_, row) => (row === 3 ? 5 : row === 8 ? 4 : 0));
  const drawnWith = (shaping: Parameters<typeof Shapers.of>[0], before: readonly number[]) => {
    const own = held(logits, 100, VOCABULARY);
    const shapers = Shapers.of(shaping, { stop: [] });
    return new ShapedDraw(own, { ...GREEDY, shapers }).draw(own.logits, before, 1)[0]?.id;
  };
  expect(drawnWith(undefined, [7])).toBe(7);
  expect(drawnWith({ from: 0, allowed: [6, 16] }, [7])).toBe(16);
  expect(drawnWith({ from: 0, allowed: [7, 16] }, [7])).toBe(7);
  expect(drawnWith({ from: 0, penalties: { presence: 2, frequency: 0 } }, [7])).toBe(16);
  expect(drawnWith({ from: 0, penalties: { presence: 2, frequency: 0 } }, [16])).toBe(6);
  // Of what may come nothing has a row.
  expect(drawnWith({ from: 0, allowed: [9] }, [7])).toBeUndefined();
});

test("rows stand for other tokens only while something is drawn", () => {
  const rows = new TokenRows({
    config: { vocabulary: 2 },
    vocabulary: { size: 4 },
    substitutes: [0, 1],
  });
  expect(rows.standingFor(new Map([[1, 3]]), () => [rows.idOf(0), rows.idOf(1)])).toEqual([0, 3]);
  expect(() =>
    rows.standingFor(new Map([[0, 2]]), () => {
      throw new Error("damaged");
    }),
  ).toThrow("damaged");
  expect([rows.idOf(0), rows.idOf(1)]).toEqual([0, 1]);
});
