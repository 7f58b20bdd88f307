/**
 * Tokens and rows: a token has an id, which is its target's and never changes, and embedding and head have rows. The
 * two are the same numbers unless a draft's vocabulary is trimmed: then only some ids have rows of their own, and as
 * input the others are read from the row of a substitute.
 */
import { OutriderError } from "./errors.ts";

/** What a pack's header or a model in memory says of it (format/pack-header.ts). */
export interface Vocabulary {
  readonly config: { /** Rows. */ readonly vocabulary: number };
  readonly vocabulary: { /** Tokens of the target. */ readonly size: number };
  /** Id of each row, rising; 0, 1, … when absent. */
  readonly kept?: readonly number[] | undefined;
  /** For each id without a row, rising: the kept id that it is read as. */
  readonly substitutes?: readonly number[] | undefined;
}

/** Whether there are tokens that the model cannot say. */
export const isTrimmed = ({ config, vocabulary }: Vocabulary): boolean => config.vocabulary < vocabulary.size;

export class TokenRows {
  /** Id of each row; absent where rows are ids. */
  readonly ids: Uint32Array | undefined;
  readonly #size: number;
  /** Row that each id is read from; absent where it is the id. */
  readonly #rows: Uint32Array | undefined;

  constructor({ config, vocabulary, kept, substitutes }: Vocabulary) {
    this.#size = Math.max(config.vocabulary, vocabulary.size);
    this.ids = kept && Uint32Array.from(kept);
    if (!substitutes) return;
    const rows = new Uint32Array(this.#size);
    const has = new Uint8Array(this.#size);
    for (let row = 0; row < config.vocabulary; row++) {
      rows[this.idOf(row)] = row;
      has[this.idOf(row)] = 1;
    }
    let next = 0;
    for (let id = 0; id < this.#size; id++) if (!has[id]) rows[id] = rows[substitutes[next++]!]!;
    this.#rows = rows;
  }

  /**
   * The row that a token is read from as input: its own, or its substitute's. Throws `bad_token` for an id that is
   * none.
   */
  rowOf(id: number): number {
    if (id < this.#size && Number.isInteger(id) && id >= 0) return this.#rows ? this.#rows[id]! : id;
    throw new OutriderError("bad_token", `token id ${id} is outside the vocabulary of ${this.#size}`);
  }

  /** The token that a row is: what an argmax over logits says. */
  idOf(row: number): number {
    return this.ids ? this.ids[row]! : row;
  }
}
