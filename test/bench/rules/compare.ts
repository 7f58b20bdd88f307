/** All rules and oracles on one text at one cell of the grid. */

import { costOf } from "../../../src/core/speculate/pass-cost.ts";
import { PASS_COSTS } from "../../../src/origin/pass-costs.ts";
import { Confidence, Fixed, OurWindow, UcbSpecStop } from "./length-rules.ts";
import { clairvoyantMs, informedMs, type Model } from "./oracles.ts";
import { type LengthRule, replay, type Setting, tokensOf } from "./replay.ts";
import { type Answer, CHAIN } from "./trace.ts";
import { WEATHERS } from "./weather.ts";

/** Costs, and how the round trip behaves. */
export interface Cell {
  readonly costs: keyof typeof PASS_COSTS;
  /** A target pass over one position. */
  readonly passMs: number;
  /** What the round trip usually is. */
  readonly roundTripMs: number;
  readonly draftStepMs: number;
  readonly weather: string;
}

/** Rules that are what they are in every cell. Each replay begins with a new one. */
export const RULES: Readonly<Record<string, () => LengthRule>> = {
  window: () => new OurWindow(),
  "fixed 4": () => new Fixed(4),
  "fixed 8": () => new Fixed(8),
  // The threshold of the paper's own example.
  "SpecDec++ 0.3": () => new Confidence(0.3),
  "SpecDec++ 0.7": () => new Confidence(0.7),
  "UCB-SpecStop": () => new UcbSpecStop(UCB_WIDTH),
};

/**
 * The width of the confidence intervals: of 0.02, 0.05, 0.1 and 0.2 the best on the mean of 12 cells in each weather
 * (docs/log.md, "Whose draft length?", 2026-11-27). Without any it is about as good there.
 */
const UCB_WIDTH = 0.02;

const THRESHOLDS = [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95];

/** Tokens per ms. */
export interface Rates {
  /** By name of the rule. */
  readonly rules: Readonly<Record<string, number>>;
  /** The best fixed length, 0 to CHAIN, and the best threshold of confidence, each chosen afterwards. */
  readonly bestFixed: number;
  readonly bestThreshold: number;
  readonly informed: number;
  readonly clairvoyant: number;
  /** An origin that streams without drafts. */
  readonly streaming: number;
}

export function ratesAt(answers: readonly Answer[], model: Model, cell: Cell): Rates {
  const tokens = tokensOf(answers);
  const setting = settingOf(cell, tokens);
  const rate = (rule: LengthRule) => tokens / replay(answers, setting, rule);
  const lengths = Array.from({ length: CHAIN + 1 }, (_, K) => rate(new Fixed(K)));
  return {
    rules: Object.fromEntries(Object.entries(RULES).map(([name, make]) => [name, rate(make())])),
    bestFixed: Math.max(...lengths),
    bestThreshold: Math.max(...THRESHOLDS.map((threshold) => rate(new Confidence(threshold)))),
    informed: tokens / informedMs(answers, setting, model),
    clairvoyant: tokens / clairvoyantMs(answers, setting),
    streaming: 1 / cell.passMs,
  };
}

export function settingOf({ costs, passMs, roundTripMs, draftStepMs, weather }: Cell, positions: number): Setting {
  const trips = WEATHERS[weather]!(roundTripMs, positions);
  const passes = Array.from({ length: CHAIN + 2 }, (_, n) => passMs * costOf(PASS_COSTS[costs], Math.max(1, n)));
  return { draftStepMs, passMs: (n) => passes[n]!, roundTripMs: (n) => trips[n]! };
}

/** The best that a rule which does not know outcomes was found to do: the best of those chosen afterwards. */
export const achievable = ({ bestFixed, bestThreshold, informed }: Rates): number =>
  Math.max(bestFixed, bestThreshold, informed);
