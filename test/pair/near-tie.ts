/**
 * Where two answers part: how far the target itself holds the two tokens apart. llama.cpp sums in another order for one
 * position than for several, so tokens with almost equal scores may change places (docs/engines.md). Anything else that
 * changes a token is a fault.
 */

import type { DescribedTarget } from "../../src/format/target.ts";
import { ChatTemplate } from "../../src/model/chat.ts";
import { gumbel, noiseBits, noiseKey } from "../../src/model/noise.ts";
import { openTokenizer } from "../../src/model/tokenizer.ts";
import { openLlamaCpp, type Reference } from "../reference/llama-cpp.ts";
import { ask } from "../support/chat.ts";

/** Scores between two tokens that count as nearly tied: at 0.5 the likelier of two greedy ones has 62 % of both. */
export const NEAR = 0.5;

/** Likeliest tokens whose scores are compared. */
const LIKELIEST = 256;

export interface Draw {
  readonly temperature: number;
  readonly seed: number;
}

export class Ties {
  readonly #file: string;
  readonly #target: DescribedTarget;
  #reference: Promise<Reference> | undefined;

  constructor(file: string, target: DescribedTarget) {
    this.#file = file;
    this.#target = target;
  }

  /**
   * Between the target's two largest scores, logit + temperature · noise, where `a` and `b` part: after the longest
   * beginning that they share, in whole tokens.
   */
  async gap(prompt: string, { temperature, seed }: Draw, a: readonly string[], b: readonly string[]): Promise<number> {
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
    const draw = { temperature: 1, topK: LIKELIEST, topP: 1, minP: 0, seed: 0 };
    const options = { logits: { filter: { tokens: [], includeTop: LIKELIEST } }, options: draw };
    const rows = await sequence.controlledEvaluate([
      ...tokens.slice(0, -1),
      [tokens.at(-1)!, { generateNext: options }],
    ]);
    const key = noiseKey(seed, tokens.length);
    const logits = [...(rows.at(-1)?.next.logits ?? [])];
    const scores = logits.map(([id, logit]) => logit + temperature * gumbel(noiseBits(key, id)));
    const [first, second] = scores.sort((x, y) => y - x);
    return first! - second!;
  }

  async close(): Promise<void> {
    await (await this.#reference)?.dispose();
  }
}
