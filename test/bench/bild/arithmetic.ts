/** Small sums in words, whose answers a program checks. */
import { seeded } from "../../support/random.ts";

export interface Sum {
  readonly question: string;
  readonly result: number;
}

const KINDS = [
  (a: number, b: number): Sum => ({ question: `What is ${a} + ${b}?`, result: a + b }),
  (a: number, b: number): Sum => ({ question: `What is ${a + b} - ${a}?`, result: b }),
  (a: number, b: number): Sum => ({ question: `What is ${a} times ${b}?`, result: a * b }),
];

/** `count` different sums of numbers from 2 to 12, the same each time. No result is a number of its question. */
export function sums(count: number): Sum[] {
  const random = seeded(31);
  const number = () => 2 + Math.floor(11 * random());
  const chosen = new Map<string, Sum>();
  while (chosen.size < count) {
    const sum = KINDS[chosen.size % KINDS.length]!(number(), number());
    if (!numbersIn(sum.question).includes(sum.result)) chosen.set(sum.question, sum);
  }
  return [...chosen.values()];
}

/** Right if the answer says the result anywhere, as a number of its own. */
export const isRight = (answer: string, { result }: Sum): boolean => numbersIn(answer).includes(result);

const numbersIn = (text: string): number[] => (text.match(/\d+(?:\.\d+)?/g) ?? []).map(Number);
