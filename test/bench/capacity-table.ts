/** What one emulated GPU gives to more and more clients, with drafts from elsewhere, of its own, and none. */
import { type Accelerator, acceleratorNamed, passMs } from "../../src/origin/engines/accelerators.ts";
import { batchMs } from "../../src/origin/engines/emulated-gpu.ts";
import { type CapacityWay, type Load, runLoad } from "./capacity-run.ts";
import { rounded } from "./emulated-grid.ts";
import type { Drafted } from "./replayed-drafts.ts";

/** Lengths of drafts that are made on the GPU; the one that the arithmetic likes best is measured. */
const LENGTHS = [1, 2, 3, 4, 5, 6, 8];
/** Gain below which drafts are not worth their positions. */
const LEAST_GAIN = 1.03;

export interface CapacityRow {
  readonly clients: number;
  /** Tokens a second of all clients together. */
  readonly none: number;
  readonly colocated: number;
  /** Length of the drafts that are made on the GPU. */
  readonly colocated_length: number;
  readonly time: number;
  readonly passes: number;
  readonly streams: number;
  /** The best of the three above, and each client's share of it. */
  readonly ours: number;
  readonly ours_per_client: number;
  readonly ours_vs_none: number;
  /** The most that drafts could give beside none: free, at once, of the best length, and the GPU never idle. */
  readonly bound_vs_none: number;
  readonly ours_vs_colocated: number;
  /** What arXiv 2606.25091 predicts for that: 1 + γ·t_d/t_v at this batch. */
  readonly predicted_vs_colocated: number;
}

export interface Capacity {
  readonly accelerator: string;
  readonly round_trip_ms: number;
  readonly draft_step_ms: number;
  readonly rows: readonly CapacityRow[];
  /** Clients from which on our drafts gained less than 3 %: there they should be off. Null: they always gained. */
  readonly off_from: number | null;
  /** The same by arithmetic for a GPU that is always busy, drafts free of charge. */
  readonly predicted_off_from: number;
}

export interface CapacityOptions {
  readonly accelerator: string;
  readonly clients: readonly number[];
  readonly roundTripMs: number;
  readonly draftStepMs: number;
  /** Length of each measurement, in passes over one position. */
  readonly passes: number;
  progress(line: string): void;
}

export async function measureCapacity(answers: readonly Drafted[], options: CapacityOptions): Promise<Capacity> {
  const { roundTripMs, draftStepMs, progress } = options;
  const accelerator = acceleratorNamed(options.accelerator);
  const survival = survivalOf(answers);
  const rows: CapacityRow[] = [];
  for (const clients of options.clients) {
    const { slowed, longer } = pacing(clients);
    const load: Load = { clients, accelerator, roundTripMs, draftStepMs, passes: longer * options.passes, slowed };
    const length = bestLength(LENGTHS, (K) => {
      return tokensOf(survival, K) / colocatedMs(accelerator, clients, K);
    });
    const speed = async (way: CapacityWay) => (await runLoad(answers, way, load)).tokens_per_second;
    const none = await speed("none");
    const colocated = await speed({ colocated: length });
    const [time, passes, streams] = [await speed("time"), await speed("passes"), await speed("streams")];
    const ours = Math.max(time, passes, streams);
    const steps = colocatedMs(accelerator, clients, length) - verifyMs(accelerator, clients, length);
    rows.push({
      clients,
      none: rounded(none),
      colocated: rounded(colocated),
      colocated_length: length,
      time: rounded(time),
      passes: rounded(passes),
      streams: rounded(streams),
      ours: rounded(ours),
      ours_per_client: rounded(ours / clients),
      ours_vs_none: rounded(ours / none),
      bound_vs_none: rounded(boundAt(accelerator, clients, survival)),
      ours_vs_colocated: rounded(ours / colocated),
      predicted_vs_colocated: rounded(1 + steps / verifyMs(accelerator, clients, length)),
    });
    progress(`${clients} clients: ${JSON.stringify(rows.at(-1))}`);
  }
  return {
    accelerator: accelerator.name,
    round_trip_ms: roundTripMs,
    draft_step_ms: draftStepMs,
    rows,
    off_from: rows.find(({ ours_vs_none }) => ours_vs_none < LEAST_GAIN)?.clients ?? null,
    predicted_off_from: offFrom(accelerator, survival),
  };
}

/**
 * One process takes part in some thousand verdicts a second: more clients get slower time. Fewer are measured for
 * longer, since their answers differ.
 */
const pacing = (clients: number): { slowed: number; longer: number } =>
  clients <= 8 ? { slowed: 2, longer: 4 } : { slowed: clients <= 64 ? 8 : 20, longer: 1 };

/** S_1, S_2 …: share of positions at which so many draft tokens in a row are right. */
export function survivalOf(answers: readonly Drafted[], most = 8): number[] {
  const counts = new Array<number>(most).fill(0);
  let positions = 0;
  for (const { answer, proposals } of answers) {
    for (let at = 0; at + most <= proposals.length; at++) {
      positions++;
      for (let j = 0; j < most && proposals[at + j]!.id === answer[at + j]; j++) counts[j]!++;
    }
  }
  return counts.map((count) => count / Math.max(1, positions));
}

const tokensOf = (survival: readonly number[], K: number): number =>
  survival.slice(0, K).reduce((sum, share) => sum + share, 1);

const bestLength = (lengths: readonly number[], rate: (K: number) => number): number =>
  lengths.reduce((best, K) => (rate(K) > rate(best) ? K : best));

const verifyMs = (accelerator: Accelerator, clients: number, K: number): number =>
  passMs(accelerator, { positions: clients * (K + 1), prompt: 0, context: 0 });

const colocatedMs = (accelerator: Accelerator, clients: number, K: number): number =>
  batchMs(
    accelerator,
    Array.from({ length: clients }, () => ({ positions: K + 1, prompt: 0, context: 0, draftSteps: K })),
  );

/** Tokens of a pass with drafts of the best length ÷ without, each divided by the time of such a pass. */
function boundAt(accelerator: Accelerator, clients: number, survival: readonly number[]): number {
  const rates = [0, ...LENGTHS].map((K) => tokensOf(survival, K) / verifyMs(accelerator, clients, K));
  return Math.max(...rates) / rates[0]!;
}

/** Clients from which on no length of draft gains: the GPU is busy, and a position costs what a token brings. */
export function offFrom(accelerator: Accelerator, survival: readonly number[]): number {
  let clients = 1;
  while (clients < 4096 && boundAt(accelerator, clients, survival) >= LEAST_GAIN) clients++;
  return clients;
}
