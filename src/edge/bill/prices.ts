/**
 * What Cloudflare asks for what an edge uses, one row a resource. From its pricing pages for Workers and Durable
 * Objects, as they were stored on the date below. Prices change: compare before you rely on a sum.
 */

/** When the prices were read. */
export const PRICES_OF = "2026-11-27";

/** The Paid plan, a month, before any use. */
export const PAID_USD = 5;

interface Price {
  /** What is counted, for tables. */
  readonly unit: string;
  /** USD for one unit beyond what is included. */
  readonly usd: number;
  /** Units that the Paid plan includes, a month. */
  readonly included: number;
  /** Units that the Free plan allows, a day; of storage, at any time. Null: the Free plan has no such sum. */
  readonly free: number | null;
}

export const PRICES = {
  objectTime: { unit: "GB-s of object time", usd: 12.5e-6, included: 400_000, free: 13_000 },
  cpu: { unit: "ms of CPU", usd: 0.02e-6, included: 30e6, free: null },
  rowsWritten: { unit: "rows written", usd: 1e-6, included: 50e6, free: 100_000 },
  storage: { unit: "GB-months stored", usd: 0.2, included: 5, free: 5 },
  objectRequests: { unit: "object requests", usd: 0.15e-6, included: 1e6, free: 100_000 },
  workerRequests: { unit: "Worker requests", usd: 0.3e-6, included: 10e6, free: 100_000 },
} as const satisfies Record<string, Price>;

export type Resource = keyof typeof PRICES;

/** Units of each resource. */
export type Usage = Readonly<Record<Resource, number>>;

export const RESOURCES = Object.keys(PRICES) as Resource[];

/** USD at the plain price of each unit, nothing being included. */
export const usd = (usage: Usage): number =>
  RESOURCES.reduce((sum, resource) => sum + usage[resource] * PRICES[resource].usd, 0);
