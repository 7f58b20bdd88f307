/** The policies of which keys are read, a row each, and what tests expect of them. */
import type { PolicyName } from "../../src/core/draft/keeping.ts";

export interface KeepingCase {
  readonly name: PolicyName;
  /** Finds a single old key that the query points to. */
  readonly finds: boolean;
  /** Always reads these of the first positions. */
  readonly sinks: number;
}

export const KEEPING_CASES: readonly KeepingCase[] = [
  { name: "window", finds: false, sinks: 4 },
  { name: "quest", finds: true, sinks: 0 },
  { name: "h2o", finds: true, sinks: 0 },
  { name: "snapkv", finds: true, sinks: 0 },
  { name: "infinigen", finds: true, sinks: 0 },
  { name: "asked", finds: true, sinks: 4 },
];
