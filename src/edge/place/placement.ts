/**
 * Where a Session is to be. Each round of an answer crosses the way between Session and origin; the client's distance
 * is paid once. So a Session belongs beside its origin, and not beside its client, where Cloudflare makes Durable
 * Objects unless told otherwise. Pure: what is known comes from the settings, from the origins (places.ts), and from
 * where a request entered Cloudflare's network.
 */
import { type Region, regionOf } from "../../core/verify/region.ts";
import type { Placement } from "../api/placement-schema.ts";
import { nearestTo, type Point } from "../origins/geography.ts";

/** What is known of one origin. */
export interface OriginPlace {
  /** What the settings say. */
  readonly configured: Region | null;
  /** What the origin itself says. */
  readonly own: Region | null;
}

/** What the Worker knows of places when it asks for a turn. */
export interface Visit {
  /** Where the Session should be. */
  readonly placement: Placement;
  /** The region of the client. */
  readonly client: Region | null;
}

/**
 * @param setting ORIGIN_REGION
 * @param client where the request entered Cloudflare's network, if that is known
 * Throws `bad_setting` (500) where ORIGIN_REGION names no region.
 */
export function placementOf(
  setting: string | undefined,
  origins: readonly OriginPlace[],
  client: Point | null,
): Placement {
  if (setting) return { region: regionOf(setting, "ORIGIN_REGION"), why: "configured" };
  const known = new Map<Region, Placement["why"]>();
  for (const { configured, own } of origins) {
    if (configured !== null) known.set(configured, "configured");
    else if (own !== null && !known.has(own)) known.set(own, "origin");
  }
  const [first, ...rest] = known.keys();
  if (first === undefined) return { region: null, why: "none" };
  const region = client === null ? first : nearestTo(client, [first, ...rest]);
  return { region, why: known.get(region)! };
}

/** What Cloudflare is asked for when the Session is made. An object that exists stays where it is. */
export const hinted = ({ region }: Placement): DurableObjectNamespaceGetDurableObjectOptions =>
  region === null ? {} : { locationHint: region };
