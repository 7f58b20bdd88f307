/** Answers by the service's own round, window, rule and wasm engine, and what the target thinks of each token. */
import { ModelDrafter } from "../../../src/core/draft/model-drafter.ts";
import { commonPrefix } from "../../../src/core/model/common-prefix.ts";
import { History } from "../../../src/core/speculate/history.ts";
import { generate } from "../../../src/core/speculate/round.ts";
import { chooseToken, logProbability } from "../../../src/core/speculate/sample.ts";
import {
  beginningOf,
  type Done,
  type Draft,
  GREEDY,
  type Rule,
  type Sibling,
  type Verdict,
  type Verifier,
} from "../../../src/core/speculate/types.ts";
import { Window } from "../../../src/core/speculate/window.ts";
import type { EngineSequence } from "../../../src/origin/engine.ts";
import type { LoadedPair } from "../default-pair.ts";

/** Most draft tokens of a pass: the paper's own. */
export const MAX_DRAFT = 10;

export interface Setting {
  readonly fallback: number;
  readonly rule: Rule;
}

/** One answer. The prompt's pass decides the first token under any rule, and counts nowhere but in `tokens`. */
export interface Lossy {
  readonly tokens: readonly number[];
  readonly passes: number;
  /** Tokens that the target would not have chosen after the text before them. */
  readonly changed: number;
  /** Sum of ln p of the tokens under the target. */
  readonly logLikelihood: number;
}

/** The answer to one prompt under each of the settings, greedy. The prompt is read once. */
export async function answersTo(
  pair: LoadedPair,
  prompt: readonly number[],
  most: number,
  settings: readonly Setting[],
): Promise<Lossy[]> {
  const sequence = pair.engine.open();
  sequence.append(prompt);
  while (await sequence.prefill());
  const cache = pair.draft.newCache();
  const answers: Lossy[] = [];
  for (const { fallback, rule } of settings) {
    sequence.cut(prompt.length);
    const target = new Target(pair, sequence, rule, most);
    const window = new Window(
      { maxDraft: MAX_DRAFT, fallback, patience: 1, spare: "passes", bets: false },
      new History(),
    );
    const { steps, idle } = generate([...prompt], new ModelDrafter(pair.draft, cache, GREEDY), target, window);
    for await (const { draftError } of steps) if (draftError !== undefined) throw draftError;
    await idle();
    answers.push(target.answer);
  }
  cache.release();
  sequence.close();
  return answers;
}

/** The wasm engine's sequence as a verifier that waits for every draft, and looks at the logits of each pass. */
class Target implements Verifier {
  readonly asked = Promise.resolve();
  readonly ready = false;
  readonly #pair: LoadedPair;
  readonly #sequence: EngineSequence;
  readonly #rule: Rule;
  readonly #most: number;
  readonly #tokens: number[] = [];
  #passes = 0;
  #changed = 0;
  #logLikelihood = 0;
  #draft: Draft | undefined;
  #wake: () => void = () => {};

  constructor(pair: LoadedPair, sequence: EngineSequence, rule: Rule, most: number) {
    this.#pair = pair;
    this.#sequence = sequence;
    this.#rule = rule;
    this.#most = most;
  }

  get answer(): Lossy {
    const passes = this.#passes - 1;
    return { tokens: this.#tokens, passes, changed: this.#changed, logLikelihood: this.#logLikelihood };
  }

  submit(draft: Draft): void {
    this.#draft = draft;
    this.#wake();
  }

  async next(): Promise<Verdict | Done> {
    const { stop } = this.#pair;
    if (stop.has(this.#tokens.at(-1) ?? -1)) return { reason: "stop" };
    if (this.#tokens.length >= this.#most) return { reason: "length" };
    // A pass decides a token more than its draft has, and an answer ends at the same token under any rule.
    const room = this.#most - this.#tokens.length - 1;
    const { tokens: draft, siblings } = beginningOf(this.#passes === 0 ? { tokens: [] } : await this.#drafted(), room);
    const position = this.#sequence.timeline.length;
    const deciding = { sampling: GREEDY, rule: this.#rule, stop };
    const { kept, tokens } = await this.#sequence.decide(draft, deciding, siblings);
    if (this.#passes > 0) this.#weigh(draft, siblings, tokens);
    this.#tokens.push(...tokens);
    const scored = draft.length + siblings.length;
    return { position, kept, tokens, passes: ++this.#passes, scored, stepMs: 1, waitMs: 0, siblings: true };
  }

  close(): void {}

  /** What the target's own distribution says of the tokens of a pass. */
  #weigh(draft: readonly number[], siblings: readonly Sibling[], tokens: readonly number[]): void {
    const chain = commonPrefix(tokens, draft);
    for (const [i, token] of tokens.entries()) {
      const sibling = siblings.findIndex(({ at, id }) => at === chain && id === tokens[chain]);
      const row = this.#pair.logits(i <= chain ? i : draft.length + 1 + sibling);
      if (chooseToken(row, GREEDY, 0) !== token) this.#changed++;
      this.#logLikelihood += logProbability(row, token);
    }
  }

  async #drafted(): Promise<Draft> {
    while ((this.#draft?.position ?? -1) < this.#sequence.timeline.length) {
      await new Promise<void>((wake) => {
        this.#wake = wake;
      });
    }
    return this.#draft as Draft;
  }
}
