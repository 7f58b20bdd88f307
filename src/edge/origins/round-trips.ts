/**
 * How far the origins are from here. All Sessions of an isolate are in one place, so one of them measures for all, now
 * and then, while its answer is under way: a first request opens the connection, of two further ones the quicker
 * counts. In a deployed Worker the clock moves with I/O, and so it is right here. What a Session learns of drafts
 * (speculate/history.ts) says the same only where drafts are made, and nothing of origins that are not asked.
 */
import type { Region } from "../../core/verify/region.ts";
import type { Breakers } from "./breaker.ts";
import { between } from "./geography.ts";
import type { Origin } from "./origins.ts";

const MEASURE_EVERY_MS = 10 * 60_000;
/** An origin that does not answer is looked at again sooner. */
const LOOK_AGAIN_MS = 20_000;
const TIMEOUT_MS = 5000;
/** An origin that holds a Session's prefix is not left for one that is nearer by less than this. */
const NEARER_MS = 10;

interface Measurement {
  /** Absent: it has not been measured yet. */
  readonly ms?: number;
  /** When it is to be measured again. */
  readonly until: number;
}

export class RoundTrips {
  readonly #seen = new Map<string, Measurement>();
  readonly #breakers: Breakers;
  readonly #now: () => number;

  /**
   * @param breakers hear of origins that do not answer, and of those that answer again
   * @param now milliseconds; may stand still between two requests
   */
  constructor(breakers: Breakers, now: () => number) {
    this.#breakers = breakers;
    this.#now = now;
  }

  /** In ms; null where it is unknown, or the origin failed lately. */
  of({ name }: Origin): number | null {
    return this.#breakers.isOpen(name) ? null : (this.#seen.get(name)?.ms ?? null);
  }

  /** The smallest of these, ms; null where none is known. */
  nearest(origins: readonly Origin[]): number | null {
    const known = origins.map((origin) => this.of(origin)).filter((ms) => ms !== null);
    return known.length > 0 ? Math.min(...known) : null;
  }

  /** Measures those that are due. Does not throw. */
  async measure(origins: readonly Origin[]): Promise<void> {
    await Promise.all(
      origins
        .filter(({ name }) => (this.#seen.get(name)?.until ?? 0) <= this.#now() || this.#breakers.isDue(name))
        .map((origin) => this.#measure(origin)),
    );
  }

  /**
   * The nearest first; those that nobody has measured by how far their regions are from `region`. Else they stay in
   * their order.
   * @param last holds the Session's prefix
   */
  order(origins: readonly Origin[], region: Region | null, last: string | null): readonly Origin[] {
    const far = (origin: Origin): number => {
      const ms = this.#seen.get(origin.name)?.ms;
      if (ms === undefined) return guess(origin.region, region);
      return origin.name === last ? ms - NEARER_MS : ms;
    };
    return origins
      .map((origin) => ({ origin, ms: far(origin) }))
      .sort((a, b) => (a.ms === b.ms ? 0 : a.ms - b.ms))
      .map(({ origin }) => origin);
  }

  async #measure(origin: Origin): Promise<void> {
    // Nobody else measures meanwhile, and what is known stays known.
    const before = this.#seen.get(origin.name);
    const again = { ...before, until: this.#now() + LOOK_AGAIN_MS };
    this.#seen.set(origin.name, again);
    try {
      await this.#asked(origin);
      this.#breakers.answered(origin.name);
      const roundTripMs = Math.min(await this.#asked(origin), await this.#asked(origin));
      this.#seen.set(origin.name, { ms: roundTripMs, until: this.#now() + MEASURE_EVERY_MS });
    } catch {
      this.#seen.set(origin.name, again);
      this.#breakers.failed(origin.name, "hard");
    }
  }

  /** How long one request takes, ms. Throws where the origin is not well: it drains, loads or has failed. */
  async #asked(origin: Origin): Promise<number> {
    const began = this.#now();
    const response = await origin.fetch("/health", { signal: AbortSignal.timeout(TIMEOUT_MS) });
    await response.arrayBuffer();
    if (!response.ok) throw new Error(`its /health answered ${response.status}`);
    return this.#now() - began;
  }
}

/** Round trip over half the globe, ms: light in glass, and the detours of cables. */
const HALF_GLOBE_MS = 300;
/** For an origin of which nothing is known. */
const SOMEWHERE_MS = 100;

const guess = (a: Region | null, b: Region | null): number =>
  a === null || b === null ? SOMEWHERE_MS : (between(a, b) / Math.PI) * HALF_GLOBE_MS;
