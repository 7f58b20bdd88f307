/**
 * What the likeliest tokens of a pass's rows decide. A row may leave the target's own token open. The server is then
 * asked about that position alone, and the draft goes on behind it: its other rows are there already.
 */
import { accept, type Decision, partialScores, positionsOf, shapesOf } from "../../speculate/accept.ts";
import type { Likeliest } from "../../speculate/likeliest.ts";
import type { Sibling } from "../../speculate/types.ts";
import type { Deciding } from "../engine.ts";

/** A pass over a draft and its siblings, rows counted as in `Scores`. */
export interface Pass {
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
 * @param rows what is known of each
 * @param logProbabilities as `partialScores`
 * @param V size of the vocabulary
 * @param again asks for more of a row, once; null where there is no more. What it rejects with, this rejects with.
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
  for (let passes = 1; ; passes++) {
    const scores = partialScores(known, logProbabilities, V, sampling, positions, shapes, logprobs);
    const { open, ...decision } = accept(scores, draft, rule, stop, siblings);
    if (open === undefined) return { ...decision, passes };
    const sibling = siblings[open - draft.length - 1];
    const own = sibling ? [...draft.slice(0, sibling.at), sibling.id] : draft.slice(0, open);
    const more = await again({ known: known[open]!, before: [...timeline, ...own], position: positions[open]! });
    if (!more) return { ...decision, passes };
    known[open] = more;
  }
}
