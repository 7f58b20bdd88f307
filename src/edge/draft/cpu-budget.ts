/**
 * How much CPU the drafter may use for one answer, on plans that meter it or end whoever uses more. The clock of a
 * deployed Worker stands still while it computes, so CPU is not measured: what the model has done is counted, and what
 * that takes is computed by what a draft step of this Session has been seen to take.
 */

import type { Work } from "../../core/draft/model-drafter.ts";
import { numberSetting } from "../../core/model/number-setting.ts";
import { ratesOf } from "../bill/using.ts";

export class CpuBudget {
  /** What the draft model has done for the answer so far. */
  readonly work: Work = { steps: 0, read: 0 };
  readonly #ms: number;
  readonly #stepMs: () => number;
  #ended = false;

  /**
   * @param ms at most; infinite for no limit
   * @param stepMs what a draft step takes by what is known now, ms
   */
  constructor(ms: number, stepMs: () => number) {
    this.#ms = ms;
    this.#stepMs = stepMs;
  }

  /** What a draft step takes, ms. */
  get stepMs(): number {
    return this.#stepMs();
  }

  /** Drafting has ended, since it had taken the budget, or would have to read a text to begin. */
  get ended(): boolean {
    return this.#ended;
  }

  /** Whether so many tokens may be read, and one drafted behind them. From the first refusal on nothing may. */
  affords(unread: number): boolean {
    const { stepMs, readMs } = ratesOf(this.stepMs);
    const { steps, read } = this.work;
    this.#ended ||= (steps + 1) * stepMs + (read + unread) * readMs > this.#ms;
    return !this.#ended;
  }
}

/** The setting CPU_MS: infinite unless set. Throws `bad_setting` (500). */
export const cpuBudgetMs = (setting: number | string | undefined): number =>
  numberSetting(
    "CPU_MS",
    setting,
    Number.POSITIVE_INFINITY,
    (ms) => ms >= 0,
    "it is a number of milliseconds, 0 or more",
  );
