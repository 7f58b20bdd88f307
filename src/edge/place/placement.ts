/**
 * Where a Session is to be. Each round of an answer crosses the way between Session and origin; the client's distance
 * is paid once. So a Session belongs beside its origin, and not beside its client, where Cloudflare makes Durable
 * Objects unless told otherwise. Pure: what is known comes from the settings, from the origins (places.ts), and from
 * where a request entered Cloudflare's network.
 */
import { REGIONS, type Region, regionOf } from "../../core/verify/region.ts";
import type { Placement } from "../api/placement-schema.ts";
import { nearestTo, type Point } from "../origins/geography.ts";
import type { Said } from "./places.ts";

/** What is known of one origin. */
export interface OriginPlace {
  /** What the settings say. */
  readonly region: Region | null;
  readonly said: Said;
}

/** A region must be nearer than the client's own by more than this, so that noise moves nobody. */
const NEARER_MS = 10;

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
  const trips = shortest(origins);
  const placed = (region: Region, why: Placement["why"]): Placement => ({
    region,
    why,
    ...(trips.has(region) && { round_trip_ms: trips.get(region)! }),
  });
  if (setting) return placed(regionOf(setting, "ORIGIN_REGION"), "configured");
  const known = new Map<Region, Placement["why"]>();
  for (const { region, said } of origins) {
    if (region !== null) known.set(region, "configured");
    else if (said.region !== null && !known.has(said.region)) known.set(said.region, "origin");
  }
  const [first, ...rest] = known.keys();
  if (first !== undefined) {
    const region = client === null ? first : nearestTo(client, [first, ...rest]);
    return placed(region, known.get(region)!);
  }
  const [best] = [...trips].sort(([, a], [, b]) => a - b);
  if (!best) return { region: null, why: "none" };
  const own = client && nearestTo(client, REGIONS);
  const ownMs = own === null ? undefined : trips.get(own);
  return ownMs !== undefined && ownMs <= best[1] + NEARER_MS ? placed(own!, "measured") : placed(best[0], "measured");
}

/** What Cloudflare is asked for when the Session is made. An object that exists stays where it is. */
export const hinted = ({ region }: Pick<Placement, "region">): DurableObjectNamespaceGetDurableObjectOptions =>
  region === null ? {} : { locationHint: region };

/** A Session that could have a round trip shorter by this many ms is moved. */
const WORTH_MOVING_MS = 30;
/** What a Session beside its origin is expected to have where none has measured it yet, ms. */
const BESIDE_MS = 10;

/**
 * Whether a conversation is better off in a new object.
 * @param own where it was asked to be; null where nobody knows
 * @param ownMs its round trip to the origin; null before it was measured
 */
export function isMisplaced(own: Region | null, ownMs: number | null, wanted: Placement): boolean {
  if (wanted.region === null || wanted.region === own || ownMs === null) return false;
  return ownMs > (wanted.round_trip_ms ?? BESIDE_MS) + WORTH_MOVING_MS;
}

/** The shortest round trip of each region to any origin, ms. */
function shortest(origins: readonly OriginPlace[]): ReadonlyMap<Region, number> {
  const trips = new Map<Region, number>();
  for (const { said } of origins) {
    for (const [region, ms] of Object.entries(said.roundTrips) as [Region, number][]) {
      trips.set(region, Math.min(ms, trips.get(region) ?? Number.POSITIVE_INFINITY));
    }
  }
  return trips;
}
