/**
 * Bindings and settings of the edge Worker, typed. wrangler.toml declares them; docs/use/deploying.md says what each does.
 */
import type { KeyLimits } from "../core/platform/keys.ts";
import type { Admission, Usage } from "./bill/allowance.ts";

/** What is used of Workers Analytics Engine, whose own type the tools' compiler does not know. */
interface Dataset {
  writeDataPoint(point: {
    readonly indexes: readonly string[];
    readonly blobs: readonly string[];
    readonly doubles: readonly number[];
  }): void;
}

/** The namespace of the class Meter, as far as a Worker calls it. */
interface Meters {
  getByName(name: string): {
    admit(limits: KeyLimits, ticket: string, tokens: number): Promise<Admission>;
    settle(limits: KeyLimits, ticket: string, tokens: number): Promise<void>;
    usage(): Promise<Usage[]>;
  };
}

interface RateLimiter {
  limit(options: { readonly key: string }): Promise<{ readonly success: boolean }>;
}

export interface Env {
  /**
   * Static files: the page, under /model/ what is known of the target, under /draft/ the draft's pack if there is one.
   */
  readonly ASSETS: Fetcher;
  readonly SESSION: DurableObjectNamespace;
  /** The embedded origin, when it runs beside the edge. */
  readonly ORIGIN?: Fetcher;
  /**
   * An origin elsewhere, http(s)://host:port, or several with commas between; each may be followed by `;region=` and its
   * region. Wins over ORIGIN.
   */
  readonly ORIGIN_URL?: string;
  /**
   * How long no token may come from the origins, all tries together, in ms; 60000 unless given. An origin that takes
   * longer to read a long prompt needs more.
   */
  readonly ORIGIN_DEADLINE_MS?: number | string;
  /** Where the origin is, as a location hint of Cloudflare's (`REGIONS`): Sessions are made there. */
  readonly ORIGIN_REGION?: string;
  /**
   * "time" (default): the origin waits for a draft only where that answers sooner. "passes": it always waits. "auto":
   * it always waits while it has many generations.
   */
  readonly PREFER?: string;
  /**
   * "true": the target computes on the processor that this edge computes on, in the same thread, as the embedded origin
   * of `outrider start` does. Drafts then never save time, and the drafter begins only after the first token.
   */
  readonly SHARED_CPU?: string;
  /**
   * KV pages of 32 tokens for the draft, where isolates have more than the 128 MB that the edge's have; else what fits
   * there.
   */
  readonly KV_PAGES?: number | string;
  /** Hours that a conversation is kept after its last turn; 24 unless set. One of a single turn is kept for 2. */
  readonly KEEP_HOURS?: number | string;
  /** Tokens of an answer at most, and where the client names no limit; 4096 unless given. */
  readonly MAX_TOKENS?: number | string;
  /**
   * CPU that the draft model may use for an answer, in ms; no limit unless set. Then drafting ends and the target goes
   * on alone: the text is the same.
   */
  readonly CPU_MS?: number | string;
  /** Secret: bearer token for the origin. */
  readonly ORIGIN_TOKEN?: string;
  /**
   * Secret: keys that clients may use, as words, or with names and limits by their hashes, as `outrider keys` writes
   * them (platform/keys.ts). Without it the API is open.
   */
  readonly API_KEYS?: string;
  /** Counts what each key with a name uses. */
  readonly METER?: Meters;
  /** Secret: a key that may also read what the others use. */
  readonly OPERATOR_KEY?: string;
  /** Cloudflare's rate limiter: requests of an address without a key, or with a wrong one. */
  readonly STRANGERS?: RateLimiter;
  /** Secret: names Sessions of an open API, so that nobody outside can compute a name. */
  readonly SESSION_SECRET?: string;
  /** A dataset of Workers Analytics Engine that gets a data point for each answer. */
  readonly ANSWERS?: Dataset;
  /**
   * "true": an open API, too, tells how many tokens of a prompt were cached. Whoever can reach it can then learn how
   * others' conversations begin, by guessing. `outrider start` sets it.
   */
  readonly SHOW_CACHED?: string;
}
