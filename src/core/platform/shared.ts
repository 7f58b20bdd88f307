/**
 * Something loaded once an isolate and shared by all requests in it. In workerd a promise that one request's I/O will
 * settle must not be what another request waits for: the first may be cancelled (its client left), and then nobody
 * settles it. So the loader holds a lease that it renews as bytes arrive; the others look, on timers of their own,
 * whether the value is there, and take over from a loader that has not renewed for a while.
 */
const LOOK_MS = 10;
const STALE_MS = 5_000;

/** Called by a loader whenever it has made progress; throws `Superseded` if another request has taken over. */
export type Renew = () => void;

class Superseded extends Error {}

export class Shared<T> {
  #value: T | undefined;
  #lease: { renewed: number } | undefined;

  /**
   * The value, loaded by whichever request comes first. A failed load fails that request alone; the next one tries
   * again.
   */
  async get(load: (renew: Renew) => Promise<T>): Promise<T> {
    for (;;) {
      if (this.#value !== undefined) return this.#value;
      if (this.#lease === undefined || Date.now() - this.#lease.renewed > STALE_MS) {
        const value = await this.#load(load);
        if (value !== undefined) return value;
      } else {
        await scheduler.wait(LOOK_MS);
      }
    }
  }

  /** Forgets the value, so that the next request loads it anew. */
  drop(value: T): void {
    if (this.#value === value) this.#value = undefined;
  }

  async #load(load: (renew: Renew) => Promise<T>): Promise<T | undefined> {
    const lease = { renewed: Date.now() };
    this.#lease = lease;
    try {
      const value = await load(() => {
        if (this.#lease !== lease) throw new Superseded("another request took over this load");
        lease.renewed = Date.now();
      });
      if (this.#lease === lease) this.#value = value;
      return value;
    } catch (error) {
      if (error instanceof Superseded) return undefined;
      throw error;
    } finally {
      if (this.#lease === lease) this.#lease = undefined;
    }
  }
}
