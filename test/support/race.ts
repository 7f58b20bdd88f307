/**
 * Edge, network and origin as a discrete-event simulation: no clock, no promises, none of the code that it checks. A
 * draft token is right or wrong as `right` says; everything else is arithmetic with times.
 */

export interface Race {
  /** Round trip and draft step, ms. */
  readonly roundTripMs: number;
  readonly draftStepMs: number;
  /** ms of a pass over so many draft tokens. */
  passMs(drafted: number): number;
  /** Whether the n-th draft token since the last wrong one is right, n from 1. */
  right(n: number): boolean;
}

/** How the two sides go about it. */
export interface Way {
  /** Tokens of the first draft after a wrong token, for which the origin waits; 0: it never waits. */
  readonly first: number;
  /** Tokens that the drafter may be ahead of the last verdict that it has heard. */
  readonly ahead: number;
  /** Tokens that one pass scores at most. */
  readonly most: number;
}

/** Runs until so many passes are done. Returns the tokens decided and the ms that they took. */
export function run(
  { roundTripMs, draftStepMs, passMs, right }: Race,
  way: Way,
  passes: number,
): { readonly tokens: number; readonly ms: number } {
  const half = roundTripMs / 2;
  let now = 0;
  let decided = 0;
  /** The drafter's tokens since its last wrong one; the first is for position `base`. */
  let base = 0;
  let made: { readonly at: number; readonly right: boolean; arrives: number }[] = [];
  /** When the drafter began, and the verdicts that it has heard since. */
  let began = half;
  let heard = [{ decided: 0, at: half }];

  /** Makes the next token, if it may ever be made before some verdict that is not there yet. */
  const make = (): boolean => {
    const count = made.length + 1;
    const allowed = heard.find((verdict) => verdict.decided + way.ahead >= base + count);
    if (!allowed) return false;
    const at = Math.max(made.at(-1)?.at ?? began, allowed.at) + draftStepMs;
    made.push({ at, right: right(count), arrives: Number.POSITIVE_INFINITY });
    return true;
  };
  /** Sets when tokens arrive, as far as that is known. */
  const send = (): void => {
    for (const [i, token] of made.entries()) {
      // The first draft goes as a whole, what follows as it is made.
      if (i >= way.first) token.arrives = token.at + half;
      else if (made.length >= way.first) token.arrives = made[way.first - 1]!.at + half;
    }
  };
  const fill = (until: number): void => {
    while ((made.at(-1)?.at ?? began) <= until && make());
    send();
  };
  const there = (): number => {
    let n = 0;
    while (made[decided - base + n] && made[decided - base + n]!.arrives <= now) n++;
    return n;
  };
  for (let pass = 0; pass < passes; pass++) {
    fill(now);
    const fresh = decided === base;
    const wanted = way.first === 0 ? 0 : fresh ? way.first : 1;
    if (there() < wanted) {
      while (made.length < decided - base + wanted && make());
      send();
      const last = made[decided - base + wanted - 1] ?? made.at(-1);
      if (last && last.arrives < Number.POSITIVE_INFINITY) now = Math.max(now, last.arrives);
    }
    const scored = Math.min(there(), way.most);
    let kept = 0;
    while (kept < scored && made[decided - base + kept]!.right) kept++;
    now += passMs(scored);
    decided += kept + 1;
    fill(now + half);
    const wrong = made.findIndex((token, i) => i < decided - base && !token.right);
    // A token that is decided before it is made says at its making whether it would have been right.
    let alive = wrong < 0;
    while (alive && made.length < decided - base) {
      if (!make()) break;
      alive = made.at(-1)!.right;
    }
    const at = now + half;
    if (!alive || made.length < decided - base) {
      // A step under way is ended first.
      const working = made.find((token) => token.at - draftStepMs < at && token.at > at);
      began = working ? working.at : at;
      [base, made, heard] = [decided, [], [{ decided, at }]];
    } else heard.push({ decided, at });
  }
  return { tokens: decided, ms: now };
}
