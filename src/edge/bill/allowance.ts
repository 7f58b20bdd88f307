/**
 * What a key may still have. Minutes are leaky buckets: what was taken runs out over a minute, so there is no moment at
 * which twice the limit passes. Days are those of UTC. An answer takes beforehand what it is expected to cost, and at
 * its end what it did cost. Pure: the clock and the state come from outside (meter.ts).
 */
import type { KeyLimits } from "../../core/platform/keys.ts";

export interface Buckets {
  /** When the buckets were as they are here, ms. */
  readonly at: number;
  /** What is in the buckets of the minute. */
  readonly requests: number;
  readonly tokens: number;
  /** Since midnight, UTC. */
  readonly day: string;
  readonly dayRequests: number;
  readonly dayTokens: number;
  /** Answers under way: when each began, and the tokens taken for it. */
  readonly live: Readonly<Record<string, { readonly at: number; readonly tokens: number }>>;
}

export interface Refusal {
  /** Which limit, in words. */
  readonly limit: string;
  readonly retryMs: number;
}

export interface Admission {
  /** Null: the answer may begin. */
  readonly refusal: Refusal | null;
  /** Of the answer or of its refusal. */
  readonly headers: Record<string, string>;
  readonly taken: Buckets;
}

/** A day of a key. */
export type Usage = { readonly day: string; readonly requests: number; readonly tokens: number };

const MINUTE_MS = 60_000;
export const DAY_MS = 24 * 60 * MINUTE_MS;
/** An answer that has not ended by then never will: its Session was reset. */
const LOST_MS = 30 * MINUTE_MS;

export const EMPTY_BUCKETS: Buckets = {
  at: 0,
  requests: 0,
  tokens: 0,
  day: "",
  dayRequests: 0,
  dayTokens: 0,
  live: {},
};

/** A day of UTC, such as 2026-11-27. */
export const dayOf = (time: number): string => new Date(time).toISOString().slice(0, 10);

/** What is left of `taken` at a later time. */
function drained(taken: Buckets, { rpm, tpm }: KeyLimits, time: number): Buckets {
  const minutes = Math.max(0, time - taken.at) / MINUTE_MS;
  const isToday = taken.day === dayOf(time);
  return {
    at: time,
    requests: Math.max(0, taken.requests - minutes * (rpm ?? Number.POSITIVE_INFINITY)) || 0,
    tokens: Math.max(0, taken.tokens - minutes * (tpm ?? Number.POSITIVE_INFINITY)) || 0,
    day: dayOf(time),
    dayRequests: isToday ? taken.dayRequests : 0,
    dayTokens: isToday ? taken.dayTokens : 0,
    live: Object.fromEntries(Object.entries(taken.live).filter(([, { at }]) => time - at < LOST_MS)),
  };
}

/** What an answer asks for: `tokens` tokens under the name `ticket`. */
interface Ticket {
  readonly ticket: string;
  readonly tokens: number;
  readonly time: number;
}

/** `take`, with what is told of it. */
export function admit(before: Buckets, limits: KeyLimits, asked: Ticket): Admission {
  const { taken, refusal } = take(before, limits, asked);
  return { taken, refusal, headers: rateHeaders(taken, limits, asked.time) };
}

/** Takes one request and `tokens` tokens under the name `ticket`, or says what stands against it. */
export function take(
  before: Buckets,
  limits: KeyLimits,
  { ticket, tokens, time }: Ticket,
): { readonly taken: Buckets; readonly refusal: Refusal | null } {
  const taken = drained(before, limits, time);
  const refusal = refusalOf(taken, limits, tokens, time);
  if (refusal) return { taken, refusal };
  return {
    refusal: null,
    taken: {
      ...taken,
      requests: taken.requests + 1,
      tokens: taken.tokens + tokens,
      dayRequests: taken.dayRequests + 1,
      dayTokens: taken.dayTokens + tokens,
      live: { ...taken.live, [ticket]: { at: time, tokens } },
    },
  };
}

/** An answer has ended: it cost `tokens`, instead of what was taken for it. */
export function settle(before: Buckets, limits: KeyLimits, { ticket, tokens, time }: Ticket): Buckets {
  const taken = drained(before, limits, time);
  const { [ticket]: own, ...live } = taken.live;
  if (!own) return taken;
  const more = tokens - own.tokens;
  return {
    ...taken,
    tokens: Math.max(0, taken.tokens + more),
    dayTokens: Math.max(0, taken.dayTokens + more),
    live,
  };
}

function refusalOf(taken: Buckets, limits: KeyLimits, tokens: number, time: number): Refusal | null {
  const { rpm, rpd, tpm, tpd, parallel } = limits;
  const midnight = DAY_MS - (time % DAY_MS);
  if (parallel !== undefined && Object.keys(taken.live).length >= parallel)
    return { limit: `${parallel} answers at once`, retryMs: 1000 };
  if (rpd !== undefined && taken.dayRequests + 1 > rpd) return { limit: `${rpd} requests a day`, retryMs: midnight };
  // What is larger than the limit itself may pass when nothing else was taken.
  if (tpd !== undefined && taken.dayTokens + Math.min(tokens, tpd) > tpd)
    return { limit: `${tpd} tokens a day`, retryMs: midnight };
  if (rpm !== undefined && taken.requests + 1 > rpm)
    return { limit: `${rpm} requests a minute`, retryMs: wait(taken.requests + 1, rpm) };
  if (tpm !== undefined && taken.tokens + Math.min(tokens, tpm) > tpm)
    return { limit: `${tpm} tokens a minute`, retryMs: wait(taken.tokens + Math.min(tokens, tpm), tpm) };
  return null;
}

/** Until a bucket of `limit` a minute has run down to its limit, ms. */
const wait = (level: number, limit: number): number => Math.ceil(((level - limit) / limit) * MINUTE_MS);

/** OpenAI's headers, of the minute or the day, whichever has less left. */
export function rateHeaders(taken: Buckets, limits: KeyLimits, time: number): Record<string, string> {
  const midnight = DAY_MS - (time % DAY_MS);
  return {
    ...headersOf("requests", [
      { limit: limits.rpm, taken: taken.requests, resetMs: (taken.requests / (limits.rpm ?? 1)) * MINUTE_MS },
      { limit: limits.rpd, taken: taken.dayRequests, resetMs: midnight },
    ]),
    ...headersOf("tokens", [
      { limit: limits.tpm, taken: taken.tokens, resetMs: (taken.tokens / (limits.tpm ?? 1)) * MINUTE_MS },
      { limit: limits.tpd, taken: taken.dayTokens, resetMs: midnight },
    ]),
  };
}

interface Span {
  readonly limit: number | undefined;
  readonly taken: number;
  readonly resetMs: number;
}

function headersOf(what: "requests" | "tokens", spans: readonly Span[]): Record<string, string> {
  let least: { limit: number; remaining: number; resetMs: number } | null = null;
  for (const { limit, taken, resetMs } of spans) {
    if (limit === undefined) continue;
    const remaining = Math.max(0, Math.floor(limit - taken));
    if (!least || remaining < least.remaining) least = { limit, remaining, resetMs };
  }
  if (!least) return {};
  return {
    [`x-ratelimit-limit-${what}`]: `${least.limit}`,
    [`x-ratelimit-remaining-${what}`]: `${least.remaining}`,
    [`x-ratelimit-reset-${what}`]: duration(least.resetMs),
  };
}

/** As OpenAI writes durations: 12ms, 1.5s, 6m0s, 23h59m1s. */
export function duration(ms: number): string {
  const whole = Math.ceil(ms);
  if (whole < 1000) return `${whole}ms`;
  const seconds = whole / 1000;
  if (seconds < 60) return `${Number(seconds.toFixed(3))}s`;
  const total = Math.ceil(seconds);
  const hours = Math.floor(total / 3600);
  return `${hours > 0 ? `${hours}h` : ""}${Math.floor((total % 3600) / 60)}m${total % 60}s`;
}
