/** Options of commands that are numbers. */
import { OutriderError } from "../model/errors.ts";

/** A whole number from `least` on. Throws `bad_option`. */
export function wholeOption(name: string, text: string, least: number): number {
  if (/^\d+$/.test(text) && Number(text) >= least) return Number(text);
  throw new OutriderError("bad_option", `${name} is a whole number from ${least} on, not "${text}"`);
}

/** FIRST..LAST as the first and how many. Throws `bad_option`. */
export function rangeOption(name: string, text: string): { first: number; count: number } {
  const match = /^(\d+)\.\.(\d+)$/.exec(text);
  const [first, last] = [Number(match?.[1]), Number(match?.[2])];
  if (first <= last) return { first, count: last - first + 1 };
  throw new OutriderError("bad_option", `${name} are FIRST..LAST, such as 300..363, not "${text}"`);
}
