/** Where a Session is asked to be, and why, as `/health` and the account of an answer say. */
import * as z from "zod";
import { REGIONS } from "../../core/verify/region.ts";

export const placementSchema = z
  .object({
    region: z
      .enum(REGIONS)
      .nullable()
      .describe("A location hint of Cloudflare's. Null: Cloudflare chooses, near the client of the first request."),
    why: z
      .enum(["configured", "origin", "none"])
      .describe(
        "`configured`: `ORIGIN_REGION` or `ORIGIN_URL` says so. `origin`: the origin does. `none`: nobody does.",
      ),
  })
  .readonly()
  .meta({ id: "Placement", description: "A region for Sessions, and how it is known." });

export type Placement = z.infer<typeof placementSchema>;

export const sessionPlaceSchema = placementSchema
  .unwrap()
  .extend({
    round_trip_ms: z.number().optional().describe("From this Session to the nearest origin, in ms, once measured."),
  })
  .readonly()
  .meta({
    id: "SessionPlace",
    description: "Where the Session of an answer is asked to be. One that exists stays where it was made.",
  });

export type SessionPlace = z.infer<typeof sessionPlaceSchema>;
