/**
 * What the likeliest tokens of a pass's rows decide. A row may leave the target's own token open. The server is then
 * asked about that position, and the draft goes on behind it: its other rows are there already.
 */
import {
  accept,
  type Decision,
  partialScores,
  pathTo,
  positionsOf,
  type Scores,
  shapesOf,
} from "../../core/speculate/accept.ts";
import type { Likeliest } from "../../core/speculate/likeliest.ts";
import type { Sibling } from "../../core/speculate/types.ts";
import type { Deciding } from "../engine.ts";

/** A pass over a draft and its siblings, rows counted as in `Scores`. */
interface Pass {
  readonly timeline: readonly number[];
  readonly draft: readonly number[];
  readonly siblings: readonly Sibling[];
  readonly deciding: Deciding;
}

/** A row that left its token open, and what is before it. */
export interface OpenRow {
  readonly known: Likeliest;
  readonly before: readonly number[];
  /** Of the token that it gives. */
  readonly position: number;
}

/**
 * Open rows that the draft may reach are asked about at the same time: whether the first keeps the draft is not known
 * yet, and most do.
 *
 * @param rows what is known of each
 * @param logProbabilities as `partialScores`
 * @param V size of the vocabulary
 * @param again asks for more of a row; null where there is no more. What it rejects with, this rejects with.
 */
export async function acceptAskingAgain(
  { timeline, draft, siblings, deciding }: Pass,
  rows: readonly Likeliest[],
  logProbabilities: readonly number[],
  V: number,
  again: (row: OpenRow) => Promise<Likeliest | null>,
): Promise<Decision> {
  const { sampling, rule, stop, shapers, logprobs } = deciding;
  const positions = positionsOf(timeline.length, draft.length, siblings);
  const shapes = shapesOf(shapers, timeline, draft, siblings);
  const known = [...rows];
  const scores = remembered(partialScores(known, logProbabilities, V, sampling, positions, shapes, logprobs));
  for (let passes = 1; ; passes++) {
    const { open, ...decision } = accept(scores, draft, rule, stop, siblings);
    if (open === undefined) return { ...decision, passes };
    const asked = openFrom(scores, draft, open).map(async (row) => {
      const before = [...timeline, ...pathTo(row, draft, siblings)];
      const more = await again({ known: known[row]!, before, position: positions[row]! });
      return { row, more };
    });
    for (const { row, more } of await Promise.all(asked)) {
      if (!more && row === open) return { ...decision, passes };
      if (!more) continue;
      known[row] = more;
      scores.forget(row);
    }
  }
}

/** The rows from `open` on whose own token is unknown, up to the first that is known not to keep the draft. */
function openFrom(scores: Scores, draft: readonly number[], open: number): number[] {
  const rows = [open];
  for (let row = open + 1; row <= draft.length; row++) {
    const own = scores.own(row);
    if (own === null) rows.push(row);
    else if (own !== draft[row]) break;
  }
  return rows;
}

/** To choose a token takes a look at the noise of all others. */
function remembered(scores: Scores): Scores & { forget(row: number): void } {
  const owns = new Map<number, number | null>();
  return {
    ...scores,
    own(row) {
      if (!owns.has(row)) owns.set(row, scores.own(row));
      return owns.get(row)!;
    },
    forget: (row) => owns.delete(row),
  };
}
