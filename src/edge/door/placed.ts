/** Where the Session of a request should be, from the settings, from what the origins say, and from where it comes. */
import { REGIONS } from "../../core/verify/region.ts";
import type { Env } from "../env.ts";
import { nearestTo } from "../origins/geography.ts";
import { originsOf } from "../origins/origins.ts";
import { placementOf } from "../place/placement.ts";
import { Places } from "../place/places.ts";

/** Keeps a request alive for what nobody waits for. */
export type Later = (work: Promise<unknown>) => void;

/** Where the origins have told this isolate that they stand. */
const places = new Places(Date.now);

/** That, and the region that the request comes from. */
export async function placed(request: Request, env: Env, later: Later) {
  const { cf } = request as { cf?: { latitude?: string; longitude?: string } };
  const client = cf?.latitude ? { latitude: Number(cf.latitude), longitude: Number(cf.longitude) } : null;
  const origins = originsOf(env);
  // What is configured needs no question.
  const asked = env.ORIGIN_REGION || origins.every(({ region }) => region !== null) ? [] : origins;
  const own = await places.of(asked, later);
  const known = origins.map(({ region }, i) => ({ configured: region, own: own[i] ?? null }));
  return {
    placement: placementOf(env.ORIGIN_REGION, known, client),
    client: client && nearestTo(client, REGIONS),
  };
}
