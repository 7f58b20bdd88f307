/** Sets of tokens, a bit each: bit t % 32 of word t / 32. Tokens behind the last word are not in the set. */
export type Mask = Uint32Array;

export const hasToken = (mask: Mask, id: number): boolean => ((mask[id >>> 5] ?? 0) & (1 << (id & 31))) !== 0;

/** @param mask long enough to hold the token */
export function addToken(mask: Mask, id: number): void {
  mask[id >>> 5]! |= 1 << (id & 31);
}

export function maskOf(ids: readonly number[]): Mask {
  const mask = new Uint32Array(1 + (Math.max(0, ...ids) >>> 5));
  for (const id of ids) addToken(mask, id);
  return mask;
}
