/**
 * What an engine does next: one pass over a draft or, where nobody drafts and the engine is a server, the next token of a request that
 * goes on by itself. Only greedy tokens do not depend on the noise that the server does not know.
 */
import type { Decision } from "../speculate/accept.ts";
import type { DraftTokens } from "../speculate/types.ts";
import type { Deciding, EngineSequence } from "./engine.ts";

/** What a generation needs of its sequence. */
export type Worked = Pick<EngineSequence, "timeline" | "prefill" | "decide" | "stream">;

export class Passes {
  readonly #sequence: Worked;
  readonly #deciding: Deciding;
  #stream: AsyncGenerator<number, void> | null = null;

  constructor(sequence: Worked, deciding: Deciding) {
    this.#sequence = sequence;
    this.#deciding = deciding;
  }

  /**
   * @param drafted whether a draft may be there for the next pass as well
   * @param most tokens that may follow by themselves
   */
  async next({ tokens, siblings }: DraftTokens, drafted: boolean, most: number): Promise<Decision> {
    const streams = tokens.length === 0 && !drafted && this.#deciding.sampling.temperature === 0;
    if (!streams || !this.#sequence.stream) {
      await this.end();
      return this.#sequence.decide(tokens, this.#deciding, siblings);
    }
    this.#stream ??= this.#sequence.stream(most);
    const { value, done } = await this.#stream.next();
    return { kept: 0, tokens: done ? [] : [value] };
  }

  /** Ends the request that goes on. */
  async end(): Promise<void> {
    const stream = this.#stream;
    this.#stream = null;
    await stream?.return();
  }
}
