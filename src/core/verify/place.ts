/** What a Session tells its origin about the way between them, as the body of `POST /v1/place`. */
import * as z from "zod";
import { OutriderError } from "../model/errors.ts";
import { REGIONS, type Region } from "./region.ts";

/** Round trips to one origin, ms, by the region of the Sessions that measured them. */
export type RoundTrips = Readonly<Partial<Record<Region, number>>>;

export const roundTripsSchema = z.partialRecord(z.enum(REGIONS), z.number().min(0));

const placeSchema = z.object({
  /** Where the Session was asked to be made. */
  region: z.enum(REGIONS),
  /** Between it and this origin, ms. */
  roundTripMs: z.number().min(0).max(60_000),
});

export type Place = z.infer<typeof placeSchema>;

/** Throws `bad_place` (400). */
export function decodePlace(text: string): Place {
  try {
    return placeSchema.parse(JSON.parse(text));
  } catch (cause) {
    throw new OutriderError("bad_place", "a place is {region, roundTripMs}, the second at most 60000", { cause });
  }
}
