/**
 * Where two greedy answers part: how far the target itself holds the two tokens apart. llama.cpp sums in another order
 * for one position than for several, so tokens with almost equal logits may change places (docs/engines.md). Anything
 * else that changes a token is a fault.
 */

import type { DescribedTarget } from "../../src/format/target.ts";
import { ChatTemplate } from "../../src/model/chat.ts";
import { openTokenizer } from "../../src/model/tokenizer.ts";
import { openLlamaCpp, type Reference } from "../reference/llama-cpp.ts";
import { ask } from "../support/chat.ts";

/** Logits between two tokens that count as nearly tied: at 0.5 the likelier of the two has 62 % of both. */
export const NEAR = 0.5;

export class Ties {
  readonly #file: string;
  readonly #target: DescribedTarget;
  #reference: Promise<Reference> | undefined;

  constructor(file: string, target: DescribedTarget) {
    this.#file = file;
    this.#target = target;
  }

  /**
   * Logits between the target's two likeliest tokens where `a` and `b` part, after the longest beginning that they
   * share, in whole tokens.
   */
  async gap(prompt: string, a: readonly string[], b: readonly string[]): Promise<number> {
    const same = a.findIndex((text, n) => text !== b[n]);
    const tokenizer = openTokenizer(this.#target.tokenizer["tokenizer.json"]);
    const template = new ChatTemplate(this.#target.tokenizer["tokenizer_config.json"], tokenizer);
    const shared = tokenizer.encodeInside(a.slice(0, same < 0 ? a.length : same).join(""));
    // The file is loaded a second time, and only where there is something to look at.
    this.#reference ??= openLlamaCpp(this.#file, 1024, 1, true);
    const { sequence } = await this.#reference;
    await sequence.clearHistory();
    const tokens = [...template.encode(ask(prompt)), ...shared];
    // llama.cpp cuts to the likeliest tokens only when it samples; its draw is not used.
    const draw = { temperature: 1, topK: 2, topP: 1, minP: 0, seed: 0 };
    const options = { logits: { filter: { tokens: [], includeTop: 2 } }, options: draw };
    const rows = await sequence.controlledEvaluate([
      ...tokens.slice(0, -1),
      [tokens.at(-1)!, { generateNext: options }],
    ]);
    const [first, second] = [...(rows.at(-1)?.next.logits?.values() ?? [])].sort((x, y) => y - x);
    return first! - second!;
  }

  async close(): Promise<void> {
    await (await this.#reference)?.dispose();
  }
}
