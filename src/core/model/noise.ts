/**
 * Gumbel noise as a function of (seed, position, token): counter-based, so that no state is carried and any single
 * value can be computed alone (Salmon et al. 2011, "Parallel random numbers: as easy as 1, 2, 3", SC'11).
 * Drafter and target that use the same noise pick the same token as often as their distributions allow:
 * Daliri, Musco, Suresh 2024, "Coupling without communication and drafter-invariant speculative decoding".
 *
 *   (seed, position) ─ mix ─→ key (2 × 32 bits) ─ token ─ mix ─ mix ─→ 32 bits ─→ u in (0, 1) ─→ −ln(−ln u)
 */

/** 64 bits that stand for one (seed, position). */
interface NoiseKey {
  readonly a: number;
  readonly b: number;
}

/**
 * A bijection of 32-bit words whose every output bit depends on every input bit: C. Wellons, "hash-prospector", bias
 * 0.107.
 */
function mix(x: number): number {
  let h = x;
  h = Math.imul(h ^ (h >>> 16), 0x21f0aaad);
  h = Math.imul(h ^ (h >>> 15), 0xd35a2d97);
  return h ^ (h >>> 15);
}

/** Different positions of one seed, and different seeds at one position, never share a key. */
export function noiseKey(seed: number, position: number): NoiseKey {
  return {
    a: mix(mix(seed + 0x9e3779b9) ^ position),
    b: mix(mix(position + 0x7f4a7c15) ^ seed),
  };
}

/** 32 uniform bits for a token, as a number in [0, 2^32). Distinct tokens of one key get distinct bits. */
export const noiseBits = (key: NoiseKey, token: number): number => mix(mix(token ^ key.a) + key.b) >>> 0;

/** Standard Gumbel noise from uniform bits: in [-3.14, 22.88]. */
export const gumbel = (bits: number): number => -Math.log(-Math.log((bits + 0.5) / 4294967296));

/**
 * An upper bound of `gumbel(bits)` that needs no logarithm: −ln u ≥ 1 − u, and 1 − u > 2^−(z+1) where z counts the
 * leading ones of the bits, so −ln(−ln u) < (z + 1)·ln 2. Lets the sampler skip tokens that cannot win.
 */
export const gumbelCeiling = (bits: number): number => (Math.clz32(~bits) + 1) * Math.LN2;
