/** What an answer used at the edge, for its account: counts of this turn, and src/edge/bill's prices for them. */

import { PAGE_TOKENS } from "../../core/kernels/abi.ts";
import { commonPrefix } from "../../core/model/common-prefix.ts";
import type { Cost, Timings } from "../api/outcome.ts";
import { HOUR_MS, type Keep } from "../bill/keeping.ts";
import { PRICES_OF, usd } from "../bill/prices.ts";
import { cpuOf, ratesOf, storedBytes, usageOf } from "../bill/using.ts";
import type { CpuBudget } from "../draft/cpu-budget.ts";

interface Answered {
  readonly timings: Timings;
  readonly budget: CpuBudget;
  /** The timeline before the turn, and behind it. */
  readonly before: readonly number[];
  readonly after: readonly number[];
  /** What the turn leaves. */
  readonly keep: Keep;
  /** Pages that turns before have left. */
  readonly pagesBefore: number;
  readonly pageBytes: number;
}

export function costOf({ timings, budget, before, after, keep, pagesBefore, pageBytes }: Answered): Cost {
  const { steps, read } = budget.work;
  const { predicted_n: tokens, prompt_ms, predicted_ms, target_passes: passes } = timings;
  const held = Math.min(pagesBefore, Math.floor(commonPrefix(before, after) / PAGE_TOKENS));
  // The last token has been decided and not read.
  const whole = Math.floor((after.length - 1) / PAGE_TOKENS);
  const pages = keep.pages && pageBytes > 0 ? Math.max(0, whole - held) : 0;
  const stored = { first: before.length === 0, turns: 1, tokens: after.length, pages, pageBytes };
  const cpuMs = cpuOf(steps, read, tokens, 1, ratesOf(budget.stepMs));
  const seconds = (prompt_ms + predicted_ms) / 1000;
  const kept = keep.ms > 0;
  const all = usageOf({ seconds, passes, cpuMs, stored, hours: keep.ms / HOUR_MS });
  const usage = kept ? all : { ...all, rowsWritten: 0 };
  return {
    draft_step_n: steps,
    draft_prefill_n: read,
    cpu_ms: Number(cpuMs.toFixed(1)),
    ...(budget.ended && { cpu_spent: true as const }),
    rows_written: usage.rowsWritten,
    stored_bytes: kept ? storedBytes(stored) : 0,
    usd_per_million_tokens: Number(((1e6 * usd(usage)) / Math.max(1, tokens)).toFixed(3)),
    prices_of: PRICES_OF,
  };
}
