/**
 * What a draft with a trimmed vocabulary means by its tokens. It reads a token that it lacks as the last of its pieces,
 * and where it copies the token from the conversation, it says that piece: `edges` was read as `ges`, so `ges` comes
 * out. A row therefore stands for the token that was last read from it (docs/log.md, "A piece means the token that it
 * was read for").
 */
import type { TokenRows } from "../model/token-rows.ts";

export class Meanings {
  readonly #tokens: TokenRows;
  readonly #timeline: number[] = [];
  /** For each token of the timeline the row that it was read from. */
  readonly #read: number[] = [];
  readonly #labels = new Map<number, number>();

  constructor(tokens: TokenRows) {
    this.#tokens = tokens;
  }

  /**
   * By row, the tokens that rows stand for behind a timeline, where these are not their own. Successive timelines share
   * most of their beginnings. Changes at the next call.
   */
  behind(timeline: readonly number[]): ReadonlyMap<number, number> {
    let same = 0;
    while (same < this.#timeline.length && this.#timeline[same] === timeline[same]) same++;
    const dropped = this.#read.splice(same);
    this.#timeline.length = same;
    for (const row of new Set(dropped)) {
      const at = this.#read.lastIndexOf(row);
      this.#label(row, at < 0 ? this.#tokens.idOf(row) : this.#timeline[at]!);
    }
    for (const token of timeline.slice(same)) {
      const row = this.#tokens.rowOf(token);
      this.#timeline.push(token);
      this.#read.push(row);
      this.#label(row, token);
    }
    return this.#labels;
  }

  #label(row: number, token: number): void {
    if (this.#tokens.idOf(row) === token) this.#labels.delete(row);
    else this.#labels.set(row, token);
  }
}
