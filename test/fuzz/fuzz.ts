/**
 * Runs readers on damaged input. A reader may take what it is given or refuse it with an `OutriderError`; any other
 * error, and a case that takes too long, is a defect. Case `n` of a seed depends on nothing else, so that one case can
 * be run again alone.
 */
import { OutriderError } from "../../src/core/model/errors.ts";
import { seeded } from "../support/random.ts";
import type { Random } from "./mutate.ts";

export interface Fuzzed {
  readonly name: string;
  /** Makes one damaged input and reads it. */
  attempt(random: Random): Promise<unknown>;
}

export interface Failure {
  readonly name: string;
  readonly seed: number;
  readonly n: number;
  readonly error: unknown;
}

/** CPU that one case may take, ms: far more than any takes, whatever else the machine does. */
const MOST_CPU_MS = 20_000;

/** What a case came to: `read`, or the code of a refusal. Throws anything else. */
export async function runCase({ attempt }: Fuzzed, seed: number, n: number): Promise<string> {
  const before = process.cpuUsage();
  const came = await outcomeOf(attempt, seeded(Math.imul(seed + 1, 0x9e3779b1) ^ n));
  const { user, system } = process.cpuUsage(before);
  const ms = (user + system) / 1000;
  if (ms > MOST_CPU_MS) throw new Error(`it took ${ms.toFixed(0)} ms of CPU and then was ${came}`);
  return came;
}

async function outcomeOf(attempt: Fuzzed["attempt"], random: Random): Promise<string> {
  try {
    await attempt(random);
    return "read";
  } catch (error) {
    if (error instanceof OutriderError) return error.code;
    throw error;
  }
}

/** Cases from `from` on, until `more` says no. Stops at the first defect. */
export async function fuzz(
  fuzzed: Fuzzed,
  seed: number,
  from: number,
  more: (n: number) => boolean,
): Promise<{ readonly outcomes: ReadonlyMap<string, number>; readonly failure: Failure | null }> {
  const outcomes = new Map<string, number>();
  for (let n = from; more(n); n++) {
    try {
      const came = await runCase(fuzzed, seed, n);
      outcomes.set(came, (outcomes.get(came) ?? 0) + 1);
    } catch (error) {
      return { outcomes, failure: { name: fuzzed.name, seed, n, error } };
    }
  }
  return { outcomes, failure: null };
}
