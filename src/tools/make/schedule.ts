/**
 * How the hours are shared out. Times follow from multiply-adds: W for each token that a target of W weights writes or
 * judges, 3·w for each position that a student of w weights is taught (4·w where a teacher of its size predicts it),
 * at the rate that was measured.
 */
import { OutriderError } from "../../core/model/errors.ts";
import type { Machine } from "./machine.ts";

/** What there is to do. */
export interface Work {
  /** Weights of the target, of the model that the draft is cut from, and of the draft. */
  readonly target: number;
  readonly base: number;
  readonly draft: number;
  /** Multiply-adds of the choice of blocks (cutting.ts). */
  readonly choosing: number;
  /** Weights of the draft's blocks, which are rounded. */
  readonly blocks: number;
  /** Multiply-adds of rounding them at most, beside GPTQ itself (cutting.ts). */
  readonly rounding: number;
  /** Positions of given texts that the target has not judged. */
  readonly unjudged: number;
  /** Positions of given texts. */
  readonly given: number;
  /** Whether the target is to write. */
  readonly writes: boolean;
}

export interface Schedule {
  readonly write: number;
  readonly judge: number;
  readonly choose: number;
  readonly cut: number;
  readonly adapt: number;
  readonly round: number;
  readonly teach: number;
  readonly rest: number;
}

/** What programs reach of the rate of large products. */
const WRITING = 0.5;
const JUDGING = 0.7;
const TEACHING = 0.5;
/** Multiply-adds a second of a thread, in f32. */
const CHOICE_RATE = 8e9;

/** Seconds of a thread that GPTQ and descent take for a weight: columns wait for one another. */
const ROUNDING_SECONDS = 5e-6;

/** Shares of the hours that are left when all that has a fixed length is taken off. What rounding leaves is taught. */
const SHARES = { write: 0.3, cut: 0.18, adapt: 0.18, round: 0.12, teach: 0.22 };
const UNWRITTEN_SHARES = { write: 0, cut: 0.26, adapt: 0.26, round: 0.18, teach: 0.3 };
/** Without --hours: so many tokens are written, and each position is taught so many times. */
const TOKENS = 1_000_000;
const EPOCHS = 3;
export const MOST_HOURS = 12;
/** Of the hours, what judging the code of projects may take; and positions of them at most. */
const PROJECT_SHARE = 0.15;
const PROJECT_POSITIONS = 1_000_000;
/** Loading, packing, evaluating and the card: so many weights a minute, and a little more. */
const REST_WEIGHTS = 2e9;
const REST_MINUTES = 0.1;

const perMinute = (rate: number, weights: number): number => (60 * rate) / weights;
/** Tokens that a target writes. */
export const writtenPerMinute = ({ rate }: Machine, target: number): number => perMinute(WRITING * rate, target);
/** Positions of given texts that a target judges. */
const judgedPerMinute = ({ rate }: Machine, target: number): number => perMinute(JUDGING * rate, target);
/** Passes over the weights for a position that is taught: forward, and two back; a teacher's is one more. */
export const PASSES = { judged: 3, byTeacher: 4 };
/** Positions that a draft is taught. */
export const taughtPerMinute = ({ rate }: Machine, draft: number, passes: number): number =>
  perMinute(TEACHING * rate, passes * draft);

/** Positions that are taken of projects, all together. */
export const projectPositions = (machine: Machine, target: number, hours = MOST_HOURS): number =>
  Math.floor(Math.min(PROJECT_POSITIONS, PROJECT_SHARE * 60 * hours * judgedPerMinute(machine, target)));

/** Multiply-adds on the blocks, one after the other, in so many minutes. */
export const blockProducts = ({ rate }: Machine, minutes: number): number => 60 * TEACHING * rate * minutes;
const blockMinutes = ({ rate }: Machine, products: number): number => products / (60 * TEACHING * rate);
/** Minutes that so many multiply-adds of the choice of blocks take. */
export const choiceMinutes = ({ threads }: Machine, products: number): number =>
  products / (60 * CHOICE_RATE * threads);

/** Minutes that GPTQ takes for the weights of blocks, beside what it computes of text. */
export const roundingMinutes = ({ threads }: Machine, weights: number): number =>
  (ROUNDING_SECONDS * weights) / (60 * threads);

/**
 * Minutes of each part. Throws `too_few_hours` where what has a fixed length takes them all.
 * @param hours for everything; absent: as long as a usual draft takes, at most twelve
 */
export function scheduleFor(machine: Machine, work: Work, hours: number | undefined): Schedule {
  const judge = work.unjudged / judgedPerMinute(machine, work.target);
  const choose = choiceMinutes(machine, work.choosing);
  const rest = REST_MINUTES + (work.target + work.base) / REST_WEIGHTS;
  const rounding = roundingMinutes(machine, work.blocks);
  const fixed = judge + choose + rounding + rest;
  const usual = usualMinutes(machine, work);
  const total = 60 * (hours ?? MOST_HOURS) - fixed;
  if (total <= 0.2 * 60 * (hours ?? MOST_HOURS)) {
    const others = minutes(rounding + rest);
    const parts = `judging ${minutes(judge)}, choosing blocks ${minutes(choose)}, everything else ${others}`;
    throw new OutriderError(
      "too_few_hours",
      `${hours ?? MOST_HOURS} hours leave no time to teach here (${parts}); give more --hours, less --text, or name ` +
        "the blocks with --blocks",
    );
  }
  const free = hours === undefined ? Math.min(total, usual) : total;
  const shares = work.writes ? SHARES : UNWRITTEN_SHARES;
  const reading = Math.min(shares.round * free, blockMinutes(machine, work.rounding));
  return {
    ...{ judge, choose, rest, write: shares.write * free, cut: shares.cut * free, adapt: shares.adapt * free },
    ...{ round: rounding + reading, teach: (shares.teach + shares.round) * free - reading },
  };
}

function usualMinutes(machine: Machine, work: Work): number {
  const writing = work.writes ? TOKENS / writtenPerMinute(machine, work.target) : 0;
  const positions = work.given + (work.writes ? TOKENS : 0);
  const teaching = (EPOCHS * positions) / taughtPerMinute(machine, work.draft, PASSES.byTeacher);
  return Math.max(writing / SHARES.write, teaching / (SHARES.adapt + SHARES.teach));
}

export const total = (schedule: Schedule): number => Object.values(schedule).reduce((sum, part) => sum + part, 0);

/** A time in words: "40 s", "12 min", "3.5 h". */
export function minutes(count: number): string {
  if (count < 1.5) return `${Math.max(1, Math.round(60 * count))} s`;
  return count < 90 ? `${Math.round(count)} min` : `${(count / 60).toFixed(1)} h`;
}
