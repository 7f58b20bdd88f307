/** A timeline whose keys and values a server keeps by itself: it is sent whole with every pass, and the server's prefix cache finds it. */
import type { Decision } from "../../speculate/accept.ts";
import type { Deciding, EngineSequence } from "../engine.ts";

/** One pass over the timeline and a draft. Rejects with an OutriderError. */
export type Pass = (timeline: readonly number[], draft: readonly number[], deciding: Deciding) => Promise<Decision>;

export class RemoteSequence implements EngineSequence {
  readonly timeline: number[] = [];
  readonly #pass: Pass;

  constructor(pass: Pass) {
    this.#pass = pass;
  }

  append(tokens: readonly number[]): void {
    for (const token of tokens) this.timeline.push(token);
  }

  cut(length: number): void {
    this.timeline.length = Math.min(this.timeline.length, length);
  }

  /** The server slices prompts by itself. */
  async prefill(): Promise<boolean> {
    return false;
  }

  async decide(draft: readonly number[], deciding: Deciding): Promise<Decision> {
    const decision = await this.#pass(this.timeline, draft, deciding);
    this.append(decision.tokens);
    return decision;
  }

  close(): void {}
}
