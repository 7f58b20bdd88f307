/** What an engine answers to a prompt by itself. */

import type { Sampling } from "../../src/core/speculate/types.ts";
import type { TargetEngine } from "../../src/origin/engine.ts";

interface Target {
  readonly engine: TargetEngine;
  readonly stop: ReadonlySet<number>;
}

/** Up to `most` tokens, the one that ends the answer among them; no drafts. Rejects with what the engine rejects with. */
export async function answerTo(
  { engine, stop }: Target,
  prompt: readonly number[],
  sampling: Sampling,
  most: number,
): Promise<number[]> {
  const sequence = engine.open();
  sequence.append(prompt);
  while (await sequence.prefill());
  const answer: number[] = [];
  while (answer.length < most && !stop.has(answer.at(-1) ?? -1)) {
    const { tokens } = await sequence.decide([], { sampling, rule: { kind: "exact" }, stop });
    answer.push(...tokens);
  }
  sequence.close();
  return answer;
}
