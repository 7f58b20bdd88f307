/**
 * What a draft with a trimmed vocabulary means by its tokens. It reads a token that it lacks as the last of its pieces,
 * and where it copies the token from the conversation, it says that piece: `edges` was read as `ges`, so `ges` comes
 * out. A row therefore stands for the token that was last read from it (docs/record/log.md, "A piece means the token that it
 * was read for").
 */
import { commonPrefix } from "../model/common-prefix.ts";
import type { TokenRows } from "../model/token-rows.ts";

export class Meanings {
  readonly #tokens: TokenRows;
  readonly #timeline: number[] = [];
  readonly #labels = new Map<number, number>();

  constructor(tokens: TokenRows) {
    this.#tokens = tokens;
  }

  /**
   * By row, the tokens that rows stand for behind a timeline, where these are not their own. Successive timelines share
   * most of their beginnings. Changes at the next call.
   */
  behind(timeline: readonly number[]): ReadonlyMap<number, number> {
    const tokens = this.#tokens;
    const same = commonPrefix(this.#timeline, timeline);
    const dropped = this.#timeline.splice(same);
    for (const row of new Set(dropped.map((token) => tokens.rowOf(token)))) {
      this.#label(row, this.#timeline.findLast((token) => tokens.rowOf(token) === row) ?? tokens.idOf(row));
    }
    for (const token of timeline.slice(same)) {
      this.#label(tokens.rowOf(token), token);
      this.#timeline.push(token);
    }
    return this.#labels;
  }

  #label(row: number, token: number): void {
    if (this.#tokens.idOf(row) === token) this.#labels.delete(row);
    else this.#labels.set(row, token);
  }
}
