/**
 * Where the origins say that they stand, as an isolate of the Worker remembers it. Only plain data outlives a request
 * here: each request that waits looks by itself whether the answer has come.
 */
import { decodeHealth } from "../../core/verify/health.ts";
import type { Region } from "../../core/verify/region.ts";
import type { Origin } from "../origins/origins.ts";

const ASK_EVERY_MS = 5 * 60_000;
/** An origin that did not answer is asked again sooner. */
const ASK_AGAIN_MS = 20_000;
const TIMEOUT_MS = 5000;
/** How long the first requests of an isolate wait for the origins' answers. */
const WAIT_MS = 300;
const LOOK_MS = 10;

export class Places {
  readonly #regions = new Map<string, Region | null>();
  /** When each is to be asked again. */
  readonly #due = new Map<string, number>();
  readonly #now: () => number;

  /** @param now milliseconds; may stand still between two requests */
  constructor(now: () => number) {
    this.#now = now;
  }

  /**
   * What each said last, in the order given; null for one that was never told, or has not answered yet.
   * @param later keeps the request alive for questions that nobody waits for
   */
  async of(origins: readonly Origin[], later: (asking: Promise<unknown>) => void): Promise<readonly (Region | null)[]> {
    const now = this.#now();
    const due = origins.filter(({ name }) => (this.#due.get(name) ?? 0) <= now);
    if (due.length > 0) later(Promise.all(due.map((origin) => this.#ask(origin))));
    while (origins.some(({ name }) => !this.#regions.has(name)) && this.#now() < now + WAIT_MS) {
      await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
    }
    return origins.map(({ name }) => this.#regions.get(name) ?? null);
  }

  /** Does not throw: an origin that says nothing leaves what is known as it is. */
  async #ask({ name, fetch }: Origin): Promise<void> {
    this.#due.set(name, this.#now() + ASK_AGAIN_MS);
    try {
      const response = await fetch("/health", { signal: AbortSignal.timeout(TIMEOUT_MS) });
      this.#regions.set(name, decodeHealth(await response.text()).region);
      this.#due.set(name, this.#now() + ASK_EVERY_MS);
    } catch {
      if (!this.#regions.has(name)) this.#regions.set(name, null);
    }
  }
}
