/**
 * Where a new Session is to be made. Each round of an answer crosses the way between Session and origin; the client's
 * distance is paid once. So a Session belongs beside its origin, and not beside its client, where Cloudflare makes
 * Durable Objects unless told otherwise.
 */
import * as z from "zod";
import { REGIONS, regionOf } from "../verify/region.ts";
import type { Env } from "./env.ts";

export const placementSchema = z
  .object({
    region: z
      .enum(REGIONS)
      .nullable()
      .describe("A location hint of Cloudflare's. Null: Cloudflare chooses, near the client of the first request."),
    why: z.enum(["configured", "none"]).describe("`configured`: `ORIGIN_REGION` says so. `none`: nothing is known."),
  })
  .readonly()
  .meta({ id: "Placement", description: "A region for Sessions, and how it was found." });

export type Placement = z.infer<typeof placementSchema>;

const UNKNOWN: Placement = { region: null, why: "none" };

/** Throws `bad_setting` (500) where ORIGIN_REGION names no region. */
export function placementOf({ ORIGIN_REGION }: Pick<Env, "ORIGIN_REGION">): Placement {
  return ORIGIN_REGION ? { region: regionOf(ORIGIN_REGION, "ORIGIN_REGION"), why: "configured" } : UNKNOWN;
}

/** What Cloudflare is asked for when the Session is made. An object that exists stays where it is. */
export const hinted = ({ region }: Placement): DurableObjectNamespaceGetDurableObjectOptions =>
  region === null ? {} : { locationHint: region };
