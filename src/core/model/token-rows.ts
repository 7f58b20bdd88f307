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
  /** The token that each row stands for; absent where they are ids. */
  readonly ids: Uint32Array | undefined;
  readonly #size: number;
  /** Row that each id is read from; absent where it is the id. */
  readonly #rows: Uint32Array | undefined;

  /** @param ids where `ids` shall lie, with room for each row */
  constructor({ config, vocabulary, kept, substitutes }: Vocabulary, ids?: Uint32Array) {
    this.#size = Math.max(config.vocabulary, vocabulary.size);
    if (isTrimmed({ config, vocabulary })) {
      this.ids = ids ?? new Uint32Array(config.vocabulary);
      this.ids.set(kept ?? Array.from(this.ids.keys()));
    }
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

  /** Does `work` while rows stand for other tokens: those of `labels`, by row. */
  standingFor<T>(labels: ReadonlyMap<number, number> | undefined, work: () => T): T {
    const { ids } = this;
    if (!ids || !labels?.size) return work();
    const own = [...labels.keys()].map((row) => [row, ids[row]!] as const);
    for (const [row, id] of labels) ids[row] = id;
    try {
      return work();
    } finally {
      for (const [row, id] of own) ids[row] = id;
    }
  }

  /** The token of a row, for example of the largest logit. */
  idOf(row: number): number {
    return this.ids ? this.ids[row]! : row;
  }
}
