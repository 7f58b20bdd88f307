/** When to draft although it does not pay, to find out whether conditions have changed. */
import type { Idle } from "./history.ts";

/**
 * Where drafting does not pay, `tries` consecutive verdicts are drafted for all the same, first after `first` verdicts,
 * then after twice as many, and so on up to `last`. An origin sends a verdict per token and decodes on while a drafter
 * reads what it has missed, so the first tries are lost to reading; therefore several in a row. By judgement.
 */
const EXPLORE = { tries: 4, first: 32, last: 512 } as const;

/**
 * Of answers that begin where drafting does not pay, the first three try, then the fifth, the ninth and so on, and at
 * last one in so many. A try at the beginning of an answer has the drafter read the prompt first: before a fast
 * target that alone takes a tenth of a short answer's time.
 */
const UNPAID_ANSWERS = 16;

export class Tries {
  readonly #idle: Idle;
  /** Verdicts of this answer that came while drafting did not pay because too few tokens are kept. */
  #skipped = 0;
  /** Whether this answer tries at its beginning. */
  #isFirst = false;

  /** @param idle of the Session, counted on here */
  constructor(idle: Idle) {
    this.#idle = idle;
  }

  /** Drafting pays. */
  paid(): void {
    this.#idle.answers = 0;
  }

  /**
   * Whether to try at this verdict. If drafts could not pay however good, that lasts from answer to answer: count
   * verdicts over all of the isolate, and try last. If too few tokens are kept, that may differ from answer to answer:
   * count from the start of each answer, and try first.
   */
  due(couldPay: boolean): boolean {
    if (couldPay && this.#skipped === 0) this.#isFirst = sinceDoubled(this.#idle.answers++, UNPAID_ANSWERS) === 0;
    const verdict = couldPay ? this.#skipped++ : this.#idle.verdicts++ + EXPLORE.tries;
    if (verdict < EXPLORE.first) return couldPay && this.#isFirst && verdict < EXPLORE.tries;
    return sinceDoubled(verdict, EXPLORE.last) < EXPLORE.tries;
  }
}

/** How far a count is beyond the last power of two; beyond the last multiple of `most` where these are closer. */
const sinceDoubled = (count: number, most: number): number =>
  count === 0 ? 0 : count % Math.min(2 ** Math.floor(Math.log2(count)), most);
