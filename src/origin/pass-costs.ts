/**
 * First guesses of what a pass costs by its positions, by class of kernel: published measurements, and our own on
 * processors. An edge uses them until its Sessions have measured the origin's own.
 */
import { costOf, type PassCost } from "../core/speculate/pass-cost.ts";

export const PASS_COSTS = {
  /**
   * 16-bit weights: llama.cpp on an RTX 3090 (its pull requests 14262 and 15131); from 64 on a matrix of a B200 grows
   * so (vLLM's pull request 20071); from 128 on an A100 computes at half of its peak.
   */
  gemm16: { 1: 1, 2: 1.06, 8: 1.1, 16: 1.22, 64: 1.25, 128: 1.3, 256: 2.68 },
  /** FP8, CUTLASS on Ada, matrices alone (vLLM's pull request 6677). */
  fp8: { 1: 1, 16: 1.08, 32: 1.23, 64: 1.59, 128: 2.47 },
  /** Four bits by Marlin: its authors say near-ideal up to 16 to 32 tokens. */
  marlin4: { 1: 1, 16: 1.05, 32: 1.25 },
  /** Four bits, llama.cpp on CUDA: another kernel from 9 positions on (its pull requests 15802 and 17505). */
  llamacpp4: { 1: 1, 2: 1.12, 3: 1.2, 4: 1.33, 6: 1.73, 8: 2.15, 16: 2.15, 32: 3.5, 64: 6 },
  /** Eight bits, llama.cpp on Metal (its pull request 10581). */
  metal: { 1: 1, 2: 1.11, 3: 1.3, 4: 1.41, 8: 2.16 },
  /** A processor is bound by arithmetic: about 0.85 of a pass for each further position (test/bench/RESULTS.md). */
  cpu: { 1: 1, 8: 7 },
} as const satisfies Record<string, PassCost>;

/** How many passes over one position a pass over eight takes. */
export const passesOf8 = (cost: PassCost): number => costOf(cost, 8);
