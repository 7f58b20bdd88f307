/**
 * What the model and lookup say of one position, as one opinion. A token weighs its chance by the model times its
 * chance as a copy to a power: a logarithmic opinion pool (Genest, Zidek 1986, Statistical Science 1(1), section 3).
 * The power is under 1 for a good model, which has read what is copied. Where both name a token it is likelier than
 * either says, and where they differ neither is as sure as it was.
 */
import type { Candidate, Proposed } from "../speculate/types.ts";

/**
 * What a copy counts beside the model's 1, where the pack says nothing. Good drafts save the most at 0.3 to 0.5, and
 * one that is seldom right at 1.5 (docs/record/log.md). What nobody has measured lies between.
 */
const COPY_WEIGHT = 1;
/** The chance of a token that the model does not name, and of one that is no copy: about what either leaves over. */
const UNNAMED = 0.02;
const UNCOPIED = 0.03;
/** What a recycled token counts beside the 1 of others: it is the target's own opinion (docs/record/log.md). */
const RECYCLED_WEIGHT = 1;

/** The likeliest token, with all others that are named. A token's `source` is whoever gives it the higher chance. */
export function pooled(own: Proposed, copy: Proposed, copyWeight: number = COPY_WEIGHT): Proposed {
  const model = listed(own);
  const copies = listed(copy);
  const named = new Map<number, Candidate>();
  for (const candidate of [...model.values(), ...copies.values()]) {
    const known = named.get(candidate.id);
    if (!known || known.confidence < candidate.confidence) named.set(candidate.id, candidate);
  }
  const weightOf = (id: number): number =>
    (model.get(id)?.confidence ?? UNNAMED) * (copies.get(id)?.confidence ?? UNCOPIED) ** copyWeight;
  const weighed = [...named.values()].map((candidate) => ({ ...candidate, confidence: weightOf(candidate.id) }));
  // Some other token may come as well.
  const total = weighed.reduce((sum, { confidence }) => sum + confidence, UNNAMED * UNCOPIED ** copyWeight);
  const [first, ...rest] = weighed
    .map((candidate) => ({ ...candidate, confidence: candidate.confidence / total }))
    .sort((a, b) => b.confidence - a.confidence);
  return { ...first!, others: rest };
}

/** An opinion of a position and what the target said behind refused tokens, as one; undefined without either. */
export const withRecycled = (opinion: Proposed | undefined, recycled: Proposed | undefined): Proposed | undefined =>
  opinion && recycled ? pooled(opinion, recycled, RECYCLED_WEIGHT) : (opinion ?? recycled);

const listed = ({ others = [], ...first }: Proposed): Map<number, Candidate> =>
  new Map([first, ...others].map((candidate) => [candidate.id, candidate]));
