/**
 * The clock of an emulated GPU. It computes nothing and takes the time that a pass would take. Whoever is ready when a
 * pass begins joins it, as in a server that batches continuously; the others join the next one.
 *
 *   ready    a b      c                 a b          c waits for a draft of its own
 *   passes   [a b    ][c    ]           [a b    ]
 *
 * A server begins the next pass when one ends. Here the sequences must first take their verdicts, which costs this
 * process time. A sequence that is ready within a few turns of the event loop therefore counts as ready when the pass
 * ended, and that time is not added to the emulated one.
 */
import { Alarm, steadyMs } from "../../core/platform/alarm.ts";
import { costOf } from "../../core/speculate/pass-cost.ts";
import { PASS_COSTS } from "../pass-costs.ts";
import { type Accelerator, type PassShape, passMs } from "./accelerators.ts";

/** Turns of the event loop after which a sequence that goes on at once has asked again: one, and some to spare. */
const TURNS = 4;

/** What a sequence asks of a pass. */
interface Work extends PassShape {
  /** Steps of a draft model that run on the same GPU before the pass. */
  readonly draftSteps?: number;
}

/** What was done so far. */
interface GpuCounts {
  readonly passes: number;
  readonly positions: number;
  /** Time at work, ms. */
  readonly busyMs: number;
  /** By how much passes ended later than they should have because this process was not woken in time, ms. */
  readonly lateMs: number;
}

interface Job {
  readonly work: Work;
  readonly askedAt: number;
  done(): void;
}

export class EmulatedGpu {
  readonly accelerator: Accelerator;
  readonly #alarm = new Alarm();
  #ready: Job[] = [];
  #running = false;
  #counts = { passes: 0, positions: 0, busyMs: 0, lateMs: 0 };

  constructor(accelerator: Accelerator) {
    this.accelerator = accelerator;
  }

  get counts(): GpuCounts {
    return { ...this.#counts };
  }

  /** Resolves when a pass that did this work has ended. */
  run(work: Work): Promise<void> {
    return new Promise((done) => {
      this.#ready.push({ work, askedAt: steadyMs(), done });
      if (!this.#running) void this.#passes();
    });
  }

  close(): Promise<void> {
    return this.#alarm.close();
  }

  async #passes(): Promise<void> {
    this.#running = true;
    let begin = this.#ready[0]!.askedAt;
    for (;;) {
      await turns();
      if (this.#ready.length === 0) break;
      const jobs = this.#ready;
      this.#ready = [];
      const ms = batchMs(
        this.accelerator,
        jobs.map(({ work }) => work),
      );
      await this.#alarm.at(begin + ms);
      const late = Math.max(0, steadyMs() - begin - ms);
      this.#counts.passes++;
      for (const { work } of jobs) this.#counts.positions += work.positions;
      this.#counts.busyMs += ms;
      this.#counts.lateMs += late;
      // A process that cannot keep up must not let the emulated time fall ever further behind.
      begin = late > ms ? steadyMs() : begin + ms;
      for (const { done } of jobs) done();
    }
    this.#running = false;
  }
}

/** Milliseconds of a pass over the work of several sequences. */
export function batchMs(accelerator: Accelerator, works: readonly Work[]): number {
  const sum = (of: (work: Work) => number) => works.reduce((total, work) => total + of(work), 0);
  const steps = Math.max(...works.map(({ draftSteps = 0 }) => draftSteps));
  const drafting = steps > 0 ? steps * accelerator.draftMs * costOf(PASS_COSTS.gemm16, works.length) : 0;
  return (
    drafting +
    passMs(accelerator, {
      positions: sum(({ positions }) => positions),
      prompt: sum(({ prompt }) => prompt),
      context: sum(({ context }) => context),
    })
  );
}

/** Lets everything run that is ready. */
async function turns(): Promise<void> {
  for (let n = 0; n < TURNS; n++) await new Promise((resolve) => setImmediate(resolve));
}
