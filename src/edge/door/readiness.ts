/**
 * Whether this edge can answer: it has a model, and an origin that serves it says that it is well. Anybody may ask, so
 * the origins are asked at most once in a while, whoever asks how often.
 */
import { decodeHealth } from "../../core/verify/health.ts";
import type { Origin } from "../origins/origins.ts";

interface Readiness {
  readonly status: "ready" | "no_model" | "no_origin";
  /** How many origins are configured, and how many can answer. No addresses: anybody may ask. */
  readonly origins: { readonly configured: number; readonly ready: number };
}

const ASK_EVERY_MS = 5000;
const TIMEOUT_MS = 3000;

export class OriginWatch {
  /** By name; plain data only, since an isolate may keep nothing else between two requests. */
  readonly #seen = new Map<string, { readonly at: number; readonly ready: boolean }>();
  readonly #now: () => number;

  /** @param now milliseconds */
  constructor(now: () => number) {
    this.#now = now;
  }

  /** @param model what clients ask for; null where no model is among the assets */
  async readiness(model: string | null, origins: readonly Origin[]): Promise<Readiness> {
    const asked = model === null ? [] : await Promise.all(origins.map((origin) => this.#isReady(origin, model)));
    const ready = asked.filter(Boolean).length;
    const status = model === null ? "no_model" : ready === 0 ? "no_origin" : "ready";
    return { status, origins: { configured: origins.length, ready } };
  }

  async #isReady(origin: Origin, model: string): Promise<boolean> {
    const known = this.#seen.get(origin.name);
    if (known && this.#now() - known.at < ASK_EVERY_MS) return known.ready;
    // Whoever asks meanwhile hears what was so before.
    if (known) this.#seen.set(origin.name, { at: this.#now(), ready: known.ready });
    const ready = await serves(origin, model);
    this.#seen.set(origin.name, { at: this.#now(), ready });
    return ready;
  }
}

async function serves({ fetch }: Origin, model: string): Promise<boolean> {
  try {
    const response = await fetch("/health", { signal: AbortSignal.timeout(TIMEOUT_MS) });
    const health = decodeHealth(await response.text());
    return response.ok && health.status === "ok" && health.model === model;
  } catch {
    return false;
  }
}
