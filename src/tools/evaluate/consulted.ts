/** What a running target would say behind refused draft tokens, beside a recorded answer of its own. */
import { commonPrefix } from "../../core/model/common-prefix.ts";
import type { Sampling } from "../../core/speculate/types.ts";
import type { EngineSequence, TargetEngine } from "../../origin/engine.ts";

export class Consulted {
  readonly #sequence: EngineSequence;
  readonly #sampling: Sampling;

  /** @param sampling how the answer was drawn */
  constructor(engine: TargetEngine, sampling: Sampling) {
    this.#sequence = engine.open();
    this.#sampling = sampling;
  }

  /**
   * @param timeline prompt and answer so far
   * @param wrong index of the first wrong token of `draft`
   * @returns as `Decision.recycled`; undefined where the target would now refuse another token, which happens at
   *   near-ties. Rejects with what the engine rejects with.
   */
  async behind(
    timeline: readonly number[],
    draft: readonly number[],
    wrong: number,
  ): Promise<readonly (number | null)[] | undefined> {
    const sequence = this.#sequence;
    sequence.cut(commonPrefix(sequence.timeline, timeline));
    sequence.append(timeline.slice(sequence.timeline.length));
    while (await sequence.prefill());
    const deciding = { sampling: this.#sampling, rule: { kind: "exact" }, stop: new Set<number>() } as const;
    const { kept, recycled } = await sequence.decide(draft, deciding);
    return kept === wrong ? recycled : undefined;
  }

  close(): void {
    this.#sequence.close();
  }
}
