/** Answers that go round in circles: a small target decoding greedily repeats itself, and any draft can follow that. */

const GRAM = 8;
const TIMES = 4;

/** Whether some 8 tokens in a row occur four times or more, overlapping ones counted. */
export function isLoop(tokens: readonly number[]): boolean {
  const seen = new Map<string, number>();
  for (let at = 0; at + GRAM <= tokens.length; at++) {
    const gram = tokens.slice(at, at + GRAM).join(" ");
    const times = (seen.get(gram) ?? 0) + 1;
    if (times >= TIMES) return true;
    seen.set(gram, times);
  }
  return false;
}
