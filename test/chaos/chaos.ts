/** A run: rounds one after the other, and the shortest schedule that fails where one fails. */
import { type Round, scheduleOf } from "./faults.ts";
import { World } from "./world.ts";

export interface Result {
  /** Faults that struck; of these, rounds that ran. */
  readonly faults: number;
  readonly rounds: number;
  readonly right: number;
  /** Answers that ended in an error, by its code. */
  readonly refused: Readonly<Record<string, number>>;
  /** Null where nothing was wrong. */
  readonly failure: Failure | null;
}

export interface Failure {
  readonly wrong: readonly string[];
  /** The shortest schedule that was found to fail, and whether it failed when it was run alone. */
  readonly schedule: readonly Round[];
  readonly repeats: boolean;
}

const count = (rounds: readonly Round[]): number => rounds.reduce((sum, { faults }) => sum + faults.length, 0);

/** Rounds between two words of the progress. */
const SAY_EVERY = 5;
/** Of an answer without a token. Longer than the edge waits for an origin that lets nobody in; a run waits often. */
const DEADLINE_MS = 5000;

/**
 * Runs the rounds of a seed until so many faults have struck: those behind the first `from`, which an earlier run has
 * done.
 *
 * @param gguf as World.start takes it
 * @param say told of the progress
 */
export async function chaos(
  seed: number,
  faults: number,
  { from, gguf }: { readonly from: number; readonly gguf: string | null },
  say: (line: string) => void,
): Promise<Result> {
  const ran: Round[] = [];
  const refused: Record<string, number> = {};
  let [struck, right] = [0, 0];
  let wrong: readonly string[] = [];
  const world = await World.start(DEADLINE_MS, gguf);
  try {
    let number = 0;
    for (const round of scheduleOf(seed)) {
      if (number++ < from) continue;
      ran.push(round);
      const outcome = await world.round(round);
      struck += outcome.struck;
      right += outcome.right;
      for (const [code, n] of Object.entries(outcome.refused)) refused[code] = (refused[code] ?? 0) + n;
      wrong = outcome.wrong;
      if (wrong.length > 0 || struck >= faults) break;
      if (ran.length % SAY_EVERY === 0) {
        const seconds = Math.round(performance.now() / 1000);
        const others = JSON.stringify(refused);
        say(`${seconds} s, seed ${seed}, ${number} rounds: ${struck} faults, ${right} answers right, others ${others}`);
      }
    }
  } finally {
    await world.close();
  }
  const result = { faults: struck, rounds: ran.length, right, refused };
  if (wrong.length === 0) return { ...result, failure: null };
  say(`failed after ${struck} faults: ${wrong.join("; ")}`);
  return { ...result, failure: await shrunk(ran, wrong, gguf, say) };
}

/** Runs a schedule in a world of its own, to its first failure. */
export async function replay(schedule: readonly Round[], gguf: string | null): Promise<readonly string[]> {
  const world = await World.start(DEADLINE_MS, gguf);
  try {
    for (const round of schedule) {
      const { wrong } = await world.round(round);
      if (wrong.length > 0) return wrong;
    }
    return [];
  } finally {
    await world.close();
  }
}

/** Schedules that are tried, and how long. Each takes a world of its own, which takes seconds. */
const MOST_TRIES = 40;
const MOST_SHRINKING_MS = 10 * 60_000;

/** Leaves out rounds, then faults, as long as what is left still fails. */
async function shrunk(
  failing: readonly Round[],
  first: readonly string[],
  gguf: string | null,
  say: (line: string) => void,
): Promise<Failure> {
  let best: readonly Round[] = failing;
  let wrong = first;
  let repeats = false;
  let tries = 0;
  const until = performance.now() + MOST_SHRINKING_MS;
  const isEnough = () => tries >= MOST_TRIES || performance.now() > until;
  const fails = async (schedule: readonly Round[]): Promise<boolean> => {
    if (isEnough()) return false;
    tries++;
    const seen = await replay(schedule, gguf);
    if (seen.length === 0) return false;
    best = schedule;
    wrong = seen;
    repeats = true;
    say(`${count(schedule)} faults in ${schedule.length} rounds fail as well`);
    return true;
  };
  for (let rounds = 1; rounds < failing.length; rounds *= 2) if (await fails(failing.slice(-rounds))) break;
  for (let piece = Math.ceil(count(best) / 2); ; piece = Math.ceil(piece / 2)) {
    for (let from = 0; from < count(best) && !isEnough(); ) {
      if (!(await fails(without(best, from, piece)))) from += piece;
    }
    if (piece === 1 || isEnough()) return { wrong, schedule: best, repeats };
  }
}

/** The schedule without `length` faults from number `from` on; rounds stay, since clients ask in each. */
function without(schedule: readonly Round[], from: number, length: number): readonly Round[] {
  let at = 0;
  return schedule.map((round) => ({
    ...round,
    faults: round.faults.filter(() => {
      const left = at >= from && at < from + length;
      at++;
      return !left;
    }),
  }));
}
