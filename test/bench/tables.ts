/** Rounds as medians with their extremes, as a table and as the one line of JSON. */
import type { ColdParts } from "./cold-start.ts";
import { LAYER_WEIGHTS, type LayerName, type LayerTimes } from "./layers.ts";
import { PREFILLS, type Speeds, VERIFIED } from "./measure.ts";

export interface Summary {
  readonly median: number;
  readonly low: number;
  readonly high: number;
}

export function summarise(values: readonly number[]): Summary {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  const median = sorted.length % 2 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
  return { median, low: sorted[0]!, high: sorted.at(-1)! };
}

const cell = (values: readonly (number | undefined)[], digits: number): string => {
  const known = values.filter((value) => value !== undefined);
  if (known.length === 0) return "–";
  const { median, low, high } = summarise(known);
  return `${median.toFixed(digits)} (${low.toFixed(digits)} to ${high.toFixed(digits)})`;
};

const table = (head: readonly string[], rows: readonly (readonly string[])[]): string =>
  [head, head.map(() => "---"), ...rows].map((cells) => `| ${cells.join(" | ")} |`).join("\n");

interface Column {
  readonly head: string;
  readonly digits: number;
  readonly of: (speeds: Speeds) => number | undefined;
}

const COLUMNS: readonly Column[] = [
  ...PREFILLS.map(
    (length): Column => ({ head: `prefill ${length}, tokens/s`, digits: 0, of: ({ prefill }) => prefill[length] }),
  ),
  { head: "decode, tokens/s", digits: 1, of: ({ decode }) => decode },
  { head: "1 position, ms", digits: 2, of: ({ step }) => step },
  { head: `${VERIFIED} positions, ms`, digits: 1, of: ({ verify }) => verify },
];

/** One row per engine, from its rounds. */
export function speedTable(engines: ReadonlyMap<string, readonly Speeds[]>): string {
  const cells = (rounds: readonly Speeds[]) => COLUMNS.map(({ of, digits }) => cell(rounds.map(of), digits));
  return table(
    ["", ...COLUMNS.map(({ head }) => head)],
    [...engines].map(([name, rounds]) => [name, ...cells(rounds)]),
  );
}

/** One row from all cold starts of a pack of `bytes`. */
export function coldTable(starts: readonly ColdParts[], bytes: number): string {
  const parts = Object.keys(starts[0]!) as (keyof ColdParts)[];
  const columns = parts.map((part) => starts.map((start) => start[part]));
  return table(
    ["cold start, ms", ...parts],
    [[`${(bytes / 1e6).toFixed(1)} MB`, ...columns.map((column) => cell(column, 0))]],
  );
}

/**
 * One row per format: Gweights per second, pruned weights counted, and the time against dense q4u in the same round.
 */
export function layersTable(rounds: readonly LayerTimes[]): string {
  const names = Object.keys(rounds[0]!) as LayerName[];
  const rows = names.map((name) => [
    name,
    ...([14, 8] as const).flatMap((bits) => [
      cell(
        rounds.map((times) => LAYER_WEIGHTS / times[name][bits] / 1e6),
        1,
      ),
      cell(
        rounds.map((times) => times[name][bits] / times.q4u[bits]),
        2,
      ),
    ]),
  ]);
  return table(["layer", "14 bits, Gweights/s", "time ÷ q4u", "8 bits, Gweights/s", "time ÷ q4u"], rows);
}

/** Medians under their names, and lowest and highest round of each under `spread`. */
export function jsonLine(figures: Readonly<Record<string, readonly number[]>>): string {
  const rounded = (value: number) => Number(value.toPrecision(4));
  const summaries = Object.entries(figures).map(([name, values]) => [name, summarise(values)] as const);
  return JSON.stringify({
    ...Object.fromEntries(summaries.map(([name, { median }]) => [name, rounded(median)])),
    spread: Object.fromEntries(summaries.map(([name, { low, high }]) => [name, [rounded(low), rounded(high)]])),
  });
}
