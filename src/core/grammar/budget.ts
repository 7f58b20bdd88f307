/**
 * What one form may cost, counted while it is made and followed: bytes of memory and steps of work. A client's schema
 * of some kilobytes must neither fill the memory that all share nor hold the thread. Bytes are estimates of what V8
 * takes; `test/grammar/memory.test.ts` holds them against the real heap.
 */
import { OutriderError } from "../model/errors.ts";

const MIB = 1024 * 1024;
/** Bytes of what a form consists of, at most. */
export const MOST_LASTING = 4 * MIB;
/** Bytes of what is remembered of its states and masks and could be made again, at most. */
export const MOST_LOOSE = 2 * MIB;
/** The same in the middle of one step, behind which it is forgotten. */
const MOST_AT_ONCE = 16 * MIB;
/** Steps to make a form at most: some seconds. */
const MOST_STEPS = 20_000_000;
/** Steps of a form, those of all answers under it included: what is made is numbered, and numbers have an end. */
export const MOST_STEPS_IN_ALL = 2 ** 26;

/** Where the bytes of several forms are counted together. */
export interface Purse {
  /** So many bytes more, or less. */
  spend(bytes: number): void;
}

export class Budget {
  #purse: Purse | undefined;
  #lasting = 0;
  #loose = 0;
  #steps = 0;
  #isMade = false;

  constructor(purse?: Purse) {
    this.#purse = purse;
  }

  /** Bytes that are taken. */
  get lasting(): number {
    return this.#lasting;
  }

  /** Bytes that are remembered. */
  get loose(): number {
    return this.#loose;
  }

  /** Work so far, for whoever makes a form in slices. */
  get steps(): number {
    return this.#steps;
  }

  /** The form consists of so many bytes more. Throws `grammar_too_complex` where they are too many. */
  take(bytes: number): void {
    this.#lasting += bytes;
    this.#purse?.spend(bytes);
    this.work(1);
    if (this.#lasting > MOST_LASTING) throw tooLarge();
  }

  /** So many bytes more are remembered. Throws `grammar_too_complex` where one step takes too many. */
  remember(bytes: number): void {
    this.#loose += bytes;
    this.#purse?.spend(bytes);
    this.work(1);
    if (this.#loose > MOST_AT_ONCE) throw tooComplex();
  }

  forget(bytes: number): void {
    this.#loose -= bytes;
    this.#purse?.spend(-bytes);
  }

  /** Throws `grammar_too_complex` where a form takes too much work to make. */
  work(steps: number): void {
    this.#steps += steps;
    if (this.#steps > (this.#isMade ? MOST_STEPS_IN_ALL : MOST_STEPS)) throw tooComplex();
  }

  /** The form is made, and answers are held to it. */
  made(): void {
    this.#isMade = true;
  }

  /** The form is no longer kept. */
  end(): void {
    this.#purse?.spend(-this.#lasting - this.#loose);
    this.#purse = undefined;
  }
}

const refused = (why: string): OutriderError =>
  new OutriderError("grammar_too_complex", `the constraint ${why}; make its schema or grammar smaller`, {
    param: "response_format",
  });

const tooLarge = (): OutriderError =>
  refused(`takes more than ${MOST_LASTING / MIB} MiB of memory once it is compiled, its limit`);

export const tooComplex = (): OutriderError => refused("takes too many steps");

/** Work that recurses as deep as a constraint is nested. Throws `grammar_too_complex` where that is too deep. */
export function nested<T>(work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (error instanceof RangeError && /call stack/.test(error.message)) throw tooComplex();
    throw error;
  }
}
