/**
 * Tokens and rows. A token's id is its target's and never changes; embedding and head have a row for each token. Ids
 * and rows are the same numbers unless a draft's vocabulary is trimmed. Then only some ids have rows of their own; as
 * input, each other id is read from the row of a substitute.
 */
import { OutriderError } from "./errors.ts";

/** The fields of a pack's header or a model in memory that describe it (format/pack-header.ts). */
interface Vocabulary {
  /** `vocabulary`: number of rows. */
  readonly config: { readonly vocabulary: number };
  /** `size`: number of the target's tokens. */
  readonly vocabulary: { readonly size: number };
  /** Id of each row, rising; 0, 1, … when absent. */
  readonly kept?: readonly number[] | undefined;
  /** For each id without a row, rising: the kept id that it is read as. */
  readonly substitutes?: readonly number[] | undefined;
}

/** Whether the model lacks some of its target's tokens. */
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

  /** The token of a row, for example of the largest logit. */
  idOf(row: number): number {
    return this.ids ? this.ids[row]! : row;
  }
}
