/** Where a Session is, and why, as `/v1/placement` and the account of an answer say. */
import * as z from "zod";
import { REGIONS } from "../../core/verify/region.ts";

export const placementSchema = z
  .object({
    region: z
      .enum(REGIONS)
      .nullable()
      .describe("A location hint of Cloudflare's. Null: Cloudflare chooses, near the client of the first request."),
    why: z
      .enum(["configured", "origin", "measured", "none"])
      .describe(
        "`configured`: `ORIGIN_REGION` or `ORIGIN_URLS` says so. `origin`: the origin does. `measured`: Sessions " +
          "there are nearest to the origin. `none`: nothing is known.",
      ),
    round_trip_ms: z
      .number()
      .optional()
      .describe("Between Sessions of this region and the origin, in ms, where they have measured it."),
  })
  .readonly()
  .meta({ id: "Placement", description: "A region for Sessions, and how it was found." });

export type Placement = z.infer<typeof placementSchema>;

export const sessionPlaceSchema = placementSchema
  .unwrap()
  .extend({
    region: z
      .enum(REGIONS)
      .nullable()
      .describe("Where the Session was asked to be. With `none`: where it should be, by its first client; or null."),
    round_trip_ms: z.number().optional().describe("From this Session to the nearest origin, in ms, once measured."),
    moves: z.int().describe("How often the conversation has been moved to a new object."),
  })
  .readonly()
  .meta({ id: "SessionPlace", description: "Where the Session of an answer is, and why there." });

export type SessionPlace = z.infer<typeof sessionPlaceSchema>;
