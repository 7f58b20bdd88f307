/** Token ids as SQLite keeps them: a blob of int32. */

/** Whole ids only: a blob that was cut short must not keep a Session from starting. */
export const ids = (tokens: ArrayBuffer): number[] => Array.from(new Uint32Array(tokens, 0, tokens.byteLength >> 2));

export const blob = (tokens: readonly number[]): Uint8Array<ArrayBuffer> =>
  new Uint8Array(Uint32Array.from(tokens).buffer);
