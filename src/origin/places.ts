/**
 * How far the Sessions of each region are. The origin keeps it because it is the one place that all Sessions reach,
 * from whatever data centre; Workers there read it in `/health`. Forgotten with the process, and soon told again.
 */
import type { Place, RoundTrips } from "../core/verify/place.ts";
import type { Region } from "../core/verify/region.ts";

/** Weight of what is new. */
const NEWEST = 0.25;
/** What nobody has told again for so long is forgotten. */
const KEEP_MS = 24 * 3600 * 1000;

export class Places {
  readonly #now: () => number;
  readonly #told = new Map<Region, { ms: number; at: number }>();

  /** @param now milliseconds of a steady clock */
  constructor(now: () => number) {
    this.#now = now;
  }

  tell({ region, roundTripMs }: Place): void {
    const before = this.#told.get(region);
    const ms = before ? before.ms + NEWEST * (roundTripMs - before.ms) : roundTripMs;
    this.#told.set(region, { ms, at: this.#now() });
  }

  get roundTrips(): RoundTrips {
    const since = this.#now() - KEEP_MS;
    const recent = [...this.#told].filter(([, { at }]) => at >= since);
    return Object.fromEntries(recent.map(([region, { ms }]) => [region, Number(ms.toFixed(1))]));
  }
}
