/**
 * Speeds before emulated GPUs at several distances: edges in workerd, a proxy that adds the round trip, a real gateway;
 * only the GPU is emulated. In each cell every question is asked in all ways, one after the other.
 *
 *   stream   the origin decodes alone
 *   time     an edge that prefers time
 *   passes   an edge that prefers passes
 *   wait     the origin waits for each draft, of up to 8 tokens
 */
import { acceleratorNamed } from "../../src/origin/engines/accelerators.ts";
import { faultProxy } from "../support/fault-proxy.ts";
import { REAL_PAIR } from "../support/real.ts";
import { type Edge, freePort, startEdge, startOrigin } from "../support/service.ts";
import { RECORDED, type Recorded } from "./recorded-questions.ts";
import { chatStream } from "./stream-client.ts";

/** How much half a round trip varies, as a share of itself. */
const JITTER = 0.1;

const WAYS = {
  stream: { asked: { draft: "off" }, prefer: "time" },
  time: { asked: {}, prefer: "time" },
  passes: { asked: {}, prefer: "passes" },
  wait: { asked: { max_draft: 8, patience_ms: 60_000 }, prefer: "time" },
} as const;
export type WayName = keyof typeof WAYS;
export const WAY_NAMES = Object.keys(WAYS) as WayName[];

export interface Cell {
  /** As `acceleratorNamed` takes it. */
  readonly accelerator: string;
  readonly roundTripMs: number;
}

export interface CellFigures {
  readonly tokens_per_second: number;
  /** Beside the same of the cell's `stream`. */
  readonly vs_stream: number;
  readonly passes_per_token: number;
  /** Draft steps whose tokens no pass verified, a token of the answer. */
  readonly thrown_per_token: number;
  /** From the question to the first token, ms, the mean. */
  readonly first_token_ms: number;
}

/** What was measured in a cell. */
export interface Measured extends Cell, Readonly<Record<WayName, CellFigures>> {
  /** T: a pass over one position. */
  readonly pass_ms: number;
  readonly costs: string;
}

interface Options {
  readonly questions: readonly Recorded[];
  readonly tokens: number;
  readonly runs: number;
  readonly recorded?: string;
  progress(line: string): void;
}

interface Sum {
  tokens: number;
  decodedMs: number;
  passes: number;
  thrown: number;
  firstMs: number;
  answers: number;
}

/** Measures the cells in their order; those of one accelerator should follow each other. */
export async function measureGrid(cells: readonly Cell[], options: Options): Promise<Measured[]> {
  const port = await freePort();
  const proxy = await faultProxy(port);
  const edges = new Map<WayName, Edge>();
  const measured: Measured[] = [];
  const origins: { readonly accelerator: string; stop(): Promise<void> }[] = [];
  try {
    for (const [n, cell] of cells.entries()) {
      if (origins[0]?.accelerator !== cell.accelerator) {
        await origins.pop()?.stop();
        origins.push({
          accelerator: cell.accelerator,
          ...(await startEmulated(cell.accelerator, options.recorded, port)),
        });
      }
      // Before its first origin an edge would not be healthy.
      for (const way of WAY_NAMES) if (!edges.has(way)) edges.set(way, await edgeOf(way, proxy.port));
      Object.assign(proxy, { delayMs: cell.roundTripMs / 2, jitter: JITTER });
      const figures = await measureCell(cell, edges, options);
      const { passMs: pass_ms, costs } = acceleratorNamed(cell.accelerator);
      measured.push({ ...cell, pass_ms, costs, ...figures });
      const speeds = WAY_NAMES.map((way) => `${way} ${figures[way].tokens_per_second}`).join(", ");
      options.progress(`${n + 1} of ${cells.length}: ${cell.accelerator}, ${cell.roundTripMs} ms: ${speeds}`);
    }
  } finally {
    for (const edge of edges.values()) await edge.stop();
    await proxy.close();
    await origins.pop()?.stop();
  }
  return measured;
}

/** An origin on an emulated accelerator, in a process of its own. */
export const startEmulated = (accelerator: string, recorded = RECORDED, port?: number) =>
  startOrigin(REAL_PAIR.draft!, "emulated", ["--accelerator", accelerator, "--recorded", recorded], port);

const edgeOf = (way: WayName, port: number): Promise<Edge> =>
  startEdge({
    targetPack: REAL_PAIR.draft!,
    draftPack: REAL_PAIR.draft,
    originUrl: `http://127.0.0.1:${port}`,
    vars: { PREFER: WAYS[way].prefer },
  });

async function measureCell(
  cell: Cell,
  edges: ReadonlyMap<WayName, Edge>,
  { questions, tokens, runs }: Options,
): Promise<Record<WayName, CellFigures>> {
  const label = `${cell.accelerator}-${cell.roundTripMs}-${Date.now()}`;
  const ask = (way: WayName, { text }: Recorded, name: string) =>
    chatStream(edges.get(way)!.url, text, {
      session: `${label}-${name}`,
      maxTokens: tokens,
      outrider: WAYS[way].asked,
    });
  // Once before anything counts: weights load, kernels compile, each edge learns the distance and the costs.
  for (const way of WAY_NAMES) await ask(way, questions[0]!, `warm-${way}`);
  const sums = Object.fromEntries(
    WAY_NAMES.map((way) => [way, { tokens: 0, decodedMs: 0, passes: 0, thrown: 0, firstMs: 0, answers: 0 }]),
  ) as Record<WayName, Sum>;
  for (let run = 0; run < runs; run++) {
    for (const [n, question] of questions.entries()) {
      // No way is always the first after another.
      for (const turn of WAY_NAMES.keys()) {
        const way = WAY_NAMES[(turn + run + n) % WAY_NAMES.length]!;
        const { timings, arrivals, askedAt } = await ask(way, question, `${way}-${run}-${n}`);
        const sum = sums[way];
        // The prompt's own pass decides one token and belongs to the time to the first.
        sum.tokens += timings.predicted_n - 1;
        sum.passes += timings.target_passes - 1;
        sum.decodedMs += arrivals.at(-1)!.at - arrivals[0]!.at;
        sum.thrown += timings.draft_n_thrown;
        sum.firstMs += arrivals[0]!.at - askedAt;
        sum.answers++;
      }
    }
  }
  const speed = ({ tokens, decodedMs }: Sum) => (1000 * tokens) / decodedMs;
  const figures = (sum: Sum): CellFigures => ({
    tokens_per_second: rounded(speed(sum)),
    vs_stream: rounded(speed(sum) / speed(sums.stream)),
    passes_per_token: rounded(sum.passes / sum.tokens),
    thrown_per_token: rounded(sum.thrown / sum.tokens),
    first_token_ms: rounded(sum.firstMs / sum.answers),
  });
  return Object.fromEntries(WAY_NAMES.map((way) => [way, figures(sums[way])])) as Record<WayName, CellFigures>;
}

export const rounded = (value: number): number => Number(value.toPrecision(4));
