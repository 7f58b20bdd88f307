/** Round trips along a text of `length` positions, around a usual one. */
import { seeded } from "../../support/random.ts";

export type Weather = (usualMs: number, length: number) => Float64Array;

/** Each round trip varies by a tenth, whatever else it does. */
const JITTER = 0.1;
/** How far round trips move from the usual one, as a factor. */
const REACH = 3;
/** Positions of one swing there and back. */
const SWING = 800;
/** Positions between two jumps, on average. */
const STAY = 100;

const along = (length: number, factor: (n: number, random: () => number) => number): Float64Array => {
  const random = seeded(23);
  return Float64Array.from({ length }, (_, n) => factor(n, random) * (1 + JITTER * (2 * random() - 1)));
};

const times = (factors: Float64Array, usualMs: number): Float64Array => factors.map((factor) => factor * usualMs);

export const WEATHERS: Readonly<Record<string, Weather>> = {
  /** As usual all the time. */
  steady: (usualMs, length) =>
    times(
      along(length, () => 1),
      usualMs,
    ),
  /** Slowly from a third of the usual to three times, and back. */
  drift: (usualMs, length) =>
    times(
      along(length, (n) => REACH ** Math.sin((2 * Math.PI * n) / SWING)),
      usualMs,
    ),
  /** A third of the usual or three times, at random (a channel of two states). */
  jumps: (usualMs, length) => {
    let far = false;
    const factors = along(length, (_, random) => {
      if (random() < 1 / STAY) far = !far;
      return far ? REACH : 1 / REACH;
    });
    return times(factors, usualMs);
  },
};
