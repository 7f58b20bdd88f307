/** Seeds as clients send them, of up to 64 bits, as the 32 bits that the noise is drawn from. */
import * as z from "zod";

export const seedSchema = z
  .number()
  .refine((seed) => Number.isInteger(seed) && seed >= -(2 ** 63) && seed < 2 ** 64, "must be a whole number of 64 bits")
  .nullish()
  .describe(
    "The same seed gives the same text, with drafts on or off. Up to 64 bits; from 2^53 on JSON's numbers round it. " +
      "Default and -1: random, returned as `outrider.seed`, a seed of 32 bits that gives the same text.",
  );

/** Whole numbers below 2^32 stay; of others the upper half is mixed into the lower one. */
export function seedOf(seed: number | null | undefined, random: () => number): number {
  if (seed == null || seed === -1) return random();
  const bits = BigInt.asUintN(64, BigInt(seed));
  const high = Number(bits >> 32n);
  return (Number(bits & 0xffffffffn) ^ mixed(high)) >>> 0;
}

/** 0 for 0; otherwise every bit depends on every bit (Wellons' hash-prospector, as in model/noise.ts). */
function mixed(high: number): number {
  const h = Math.imul(high ^ (high >>> 16), 0x21f0aaad);
  const i = Math.imul(h ^ (h >>> 15), 0xd35a2d97);
  return i ^ (i >>> 15);
}
