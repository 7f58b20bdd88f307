/**
 * What shaping does to a row, written down a second time and in the plainest way: the reference for what
 * src/core/speculate/shaping.ts, the engines and the drafters do.
 */
import fc from "fast-check";
import type { Shaping } from "../../src/core/speculate/shaping.ts";
import { STOP, V } from "./scripted.ts";

/** Kinds without the place where the answer begins. */
export type Asked = Omit<Shaping, "from">;

/** A copy of `row` after what is asked for, where `before` is the timeline and `from` begins the answer. */
export function shapedRow(asked: Asked, row: Float32Array, before: readonly number[], from: number): Float32Array {
  const shaped = row.slice();
  const { bias = [], repetition, penalties, minTokens = 0, allowed } = asked;
  for (const [id, add] of bias) shaped[id] = add === null ? Number.NEGATIVE_INFINITY : shaped[id]! + add;
  for (let id = 0; id < row.length; id++) {
    const answer = before.slice(from).filter((other) => other === id).length;
    const recent = repetition && before.slice(Math.max(0, before.length - (repetition.last || before.length)));
    if (repetition && recent?.includes(id)) {
      shaped[id] = shaped[id]! > 0 ? shaped[id]! / repetition.by : shaped[id]! * repetition.by;
    }
    if (penalties && answer > 0) shaped[id] = shaped[id]! - (penalties.presence + answer * penalties.frequency);
    if (before.length - from < minTokens && id === STOP) shaped[id] = Number.NEGATIVE_INFINITY;
    if (allowed && !allowed.includes(id)) shaped[id] = Number.NEGATIVE_INFINITY;
  }
  return shaped;
}

const number = (min: number, max: number) => fc.double({ min, max, noNaN: true });
const optional = <T>(arbitrary: fc.Arbitrary<T>) => fc.option(arbitrary, { nil: undefined });
const id = fc.nat(V - 1);

/** Any kinds together; at least two tokens, none of which ends the answer, stay possible at every position. */
export const askedShaping: fc.Arbitrary<Asked> = fc
  .record({
    bias: optional(
      fc.uniqueArray(fc.tuple(id, fc.option(number(-100, 100))), { maxLength: 12, selector: ([one]) => one }),
    ),
    allowed: optional(fc.uniqueArray(id, { minLength: 15, maxLength: V })),
    repetition: optional(fc.record({ by: number(0.5, 2), last: fc.constantFrom(0, 1, 4, 64) })),
    penalties: optional(fc.record({ presence: number(-2, 2), frequency: number(-2, 2) })),
    minTokens: optional(fc.nat(12)),
  })
  .map((asked) => JSON.parse(JSON.stringify(asked)) as Asked);
