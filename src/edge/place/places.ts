/**
 * What the origins say about places, as an isolate of the Worker remembers it: an origin knows its own region if it was
 * told, and how far the Sessions of each region are. Only plain data outlives a request here: each request that waits
 * looks by itself whether the answer has come.
 */
import { decodeHealth } from "../../core/verify/health.ts";
import type { RoundTrips } from "../../core/verify/place.ts";
import type { Region } from "../../core/verify/region.ts";
import type { Origin } from "../origins/origins.ts";

/** What one origin said. */
export interface Said {
  readonly region: Region | null;
  readonly roundTrips: RoundTrips;
}

export const NOTHING_SAID: Said = { region: null, roundTrips: {} };
const ASK_EVERY_MS = 5 * 60_000;
/** An origin that did not answer is asked again sooner. */
const ASK_AGAIN_MS = 20_000;
const TIMEOUT_MS = 5000;
/** How long the first requests of an isolate wait for the origins' answers. */
const WAIT_MS = 300;
const LOOK_MS = 10;

export class Places {
  readonly #said = new Map<string, Said>();
  /** When each is to be asked again. */
  readonly #due = new Map<string, number>();
  readonly #now: () => number;

  /** @param now milliseconds; may stand still between two requests */
  constructor(now: () => number) {
    this.#now = now;
  }

  /**
   * What each said last, in the order given.
   * @param later keeps the request alive for questions that nobody waits for
   */
  async of(origins: readonly Origin[], later: (asking: Promise<unknown>) => void): Promise<readonly Said[]> {
    const now = this.#now();
    const due = origins.filter(({ name }) => (this.#due.get(name) ?? 0) <= now);
    if (due.length > 0) later(Promise.all(due.map((origin) => this.#ask(origin))));
    while (origins.some(({ name }) => !this.#said.has(name)) && this.#now() < now + WAIT_MS) {
      await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
    }
    return origins.map(({ name }) => this.#said.get(name) ?? NOTHING_SAID);
  }

  /** Does not throw: an origin that says nothing leaves what is known as it is. */
  async #ask({ name, fetch }: Origin): Promise<void> {
    this.#due.set(name, this.#now() + ASK_AGAIN_MS);
    try {
      const response = await fetch("/health", { signal: AbortSignal.timeout(TIMEOUT_MS) });
      const { region, roundTrips } = decodeHealth(await response.text());
      this.#said.set(name, { region, roundTrips });
      this.#due.set(name, this.#now() + ASK_EVERY_MS);
    } catch {
      if (!this.#said.has(name)) this.#said.set(name, NOTHING_SAID);
    }
  }
}
