/** How often each class of predictions was right, newer ones counting more. */

/** Observations that a class's guess counts for. */
const GUESS_WEIGHT = 4;
/** Weight of an observation after one newer observation of its class; 69 newer ones halve it. */
const FADE = 0.99;

export class Trust {
  readonly #guesses: readonly number[];
  readonly #right: number[];
  readonly #tried: number[];

  /** @param classes `guess` is the assumed share of right ones until some have been seen */
  constructor(classes: readonly { readonly guess: number }[]) {
    this.#guesses = classes.map(({ guess }) => guess);
    this.#right = classes.map(() => 0);
    this.#tried = classes.map(() => 0);
  }

  learn(c: number, right: boolean): void {
    this.#right[c] = this.#right[c]! * FADE + (right ? 1 : 0);
    this.#tried[c] = this.#tried[c]! * FADE + 1;
  }

  of(c: number): number {
    return (this.#right[c]! + GUESS_WEIGHT * this.#guesses[c]!) / (this.#tried[c]! + GUESS_WEIGHT);
  }
}
