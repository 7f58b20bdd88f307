/**
 * Measures a decode step and a prefill of a pack, operation by operation, and compares each with the roofs of this
 * machine: the analysis of Kim et al. 2023, "Full Stack Optimization of Transformer Inference" (arXiv 2302.14017),
 * section 3.
 *
 * Traced and untraced passes alternate, so that other load on the machine affects both. Times are medians of passes.
 */
import type { KeyPolicy } from "../../core/draft/key-policy.ts";
import { type Llama, loadLlama, type ShardReader } from "../../core/draft/llama.ts";
import { type PackHeader, packBytes } from "../../core/format/pack-header.ts";
import { PAGE_TOKENS } from "../../core/kernels/abi.ts";
import type { KernelModules } from "../../core/kernels/wasm.ts";
import { type Cost, sumCosts } from "./cost.ts";
import { Operations } from "./operation.ts";
import { type Limit, predict, RoofMeter, type Roofs } from "./roof.ts";
import { arbitraryTokens, median } from "./timing.ts";
import { type Call, Trace } from "./trace.ts";

interface InspectedOperation {
  readonly name: string;
  readonly calls: number;
  readonly cost: Cost;
  /** Seconds at the roof that limits it, and which roof that is. */
  readonly predicted: number;
  readonly limit: Limit;
  /** Seconds of all its calls in one pass. */
  readonly measured: number;
  /** Share of the pass, 0 to 1; with `betweenShare` all shares sum to 1. */
  readonly share: number;
}

/** All times in seconds a pass. */
export interface InspectedPass {
  readonly kind: "decode" | "prefill";
  /** Tokens of the input. */
  readonly tokens: number;
  /** Tokens in the cache before the pass. */
  readonly position: number;
  readonly operations: readonly InspectedOperation[];
  readonly cost: Cost;
  /** Sum of all operations at their roofs. */
  readonly predicted: number;
  /** The whole pass at the tighter of its two roofs, reading or arithmetic, as if each hid the other completely. */
  readonly roof: number;
  readonly limit: Limit;
  /**
   * Time inside kernels, traced; and outside them (page table, angles of the rotation), from a pass whose kernels do
   * nothing.
   */
  readonly kernels: number;
  readonly between: number;
  readonly betweenShare: number;
  /** A pass without the trace, as the service would run it. */
  readonly untraced: number;
  /** Number of passes that the medians are of. */
  readonly passes: number;
}

export interface Inspection {
  readonly model: string;
  readonly layers: number;
  /** Bytes of its shards. */
  readonly bytes: number;
  readonly roofs: Roofs;
  readonly decode: InspectedPass;
  readonly prefill: InspectedPass;
}

interface InspectionOptions {
  /** Tokens of the prefill. */
  readonly tokens: number;
  /** Tokens in the cache of the decode step. */
  readonly position: number;
  /** Which keys the decode step holds and reads; all when absent. */
  readonly keys?: KeyPolicy;
}

/** Untimed passes first: V8 compiles hot kernels a second time, in the background, to faster code. */
const WARM_UP = { decode: 40, prefill: 3 };
const LEAST_PASSES = 7;
const MOST_PASSES = 200;
const BUDGET_MS = 3000;

/**
 * Loads the pack and measures it in some ten seconds; needs a machine at rest. Rejects with what `loadLlama` rejects
 * with.
 */
export async function inspectPack(
  header: PackHeader,
  shards: ShardReader,
  modules: KernelModules,
  roof: WebAssembly.Module,
  { tokens, position, keys: { held = position, infinigen } = {} }: InspectionOptions,
): Promise<Inspection> {
  let trace!: Trace;
  let operations!: Operations;
  const llama = await loadLlama(header, shards, modules, {
    pages: Math.ceil(Math.max(tokens, position + 1) / PAGE_TOKENS),
    rows: 1,
    infinigen,
    observe: (kernels, arena) => {
      trace = new Trace(kernels);
      operations = new Operations(header, arena);
      return trace.kernels;
    },
  });
  // A cache that is full has given up as many older tokens: its steps are those of a shorter timeline.
  const decodeStep = startDecode(llama, Math.min(position, held));
  const streamed = sumCosts(
    trace.record(decodeStep).map(({ kernel, args }) => operations.of(kernel, args).cost),
  ).streamed;
  const meter = new RoofMeter(roof, streamed);

  meter.measure();
  const decode = measurePasses(trace, decodeStep, WARM_UP.decode);
  meter.measure();
  const prefill = measurePasses(trace, startPrefill(llama, tokens), WARM_UP.prefill);
  const roofs = meter.measure();
  return {
    model: header.model,
    layers: header.config.layers,
    bytes: packBytes(header),
    roofs,
    decode: { kind: "decode", tokens: 1, position, ...summary(decode, operations, roofs) },
    prefill: { kind: "prefill", tokens, position: 0, ...summary(prefill, operations, roofs) },
  };
}

/** A greedy decode step at `position`, always the same one. */
function startDecode(llama: Llama, position: number): () => void {
  const { vocabulary } = llama.header.config;
  const cache = llama.newCache();
  llama.forward(cache, arbitraryTokens(position, vocabulary), 0);
  let token = 0;
  return () => {
    cache.cut(position);
    llama.forward(cache, [token], 1);
    token = llama.argmax(0);
  };
}

function startPrefill(llama: Llama, tokens: number): () => void {
  const cache = llama.newCache();
  const ids = arbitraryTokens(tokens, llama.header.config.vocabulary);
  return () => {
    cache.cut(0);
    llama.forward(cache, ids, 1);
    llama.argmax(0);
  };
}

interface Passes {
  readonly calls: readonly (readonly Call[])[];
  readonly outside: readonly number[];
  readonly untraced: readonly number[];
}

function measurePasses(trace: Trace, run: () => void, warmUp: number): Passes {
  for (let n = 0; n < warmUp; n++) run();
  const calls: Call[][] = [];
  const untraced: number[] = [];
  const started = performance.now();
  while (calls.length < LEAST_PASSES || (calls.length < MOST_PASSES && performance.now() - started < BUDGET_MS)) {
    untraced.push(secondsOf(run));
    calls.push(trace.record(run));
  }
  const outside: number[] = [];
  trace.idle(() => {
    for (let n = 0; n < MOST_PASSES; n++) run();
    for (let n = 0; n < MOST_PASSES; n++) outside.push(secondsOf(run));
  });
  return { calls, outside, untraced };
}

function secondsOf(run: () => void): number {
  const started = performance.now();
  run();
  return (performance.now() - started) / 1000;
}

function summary({ calls, outside, untraced }: Passes, operations: Operations, roofs: Roofs) {
  const first = calls[0] as readonly Call[];
  // Every pass makes the same calls, so what one pass's n-th call is holds for all.
  const known = first.map(({ kernel, args }) => operations.of(kernel, args));
  const rows = [...new Set(known.map(({ name }) => name))].map((name) => {
    const at = known.flatMap((operation, index) => (operation.name === name ? [index] : []));
    const cost = sumCosts(at.map((index) => known[index]!.cost));
    const { seconds, limit } = predict(cost, roofs);
    const measured = median(calls.map((pass) => at.reduce((sum, index) => sum + pass[index]!.seconds, 0)));
    return { name, calls: at.length, cost, predicted: seconds, limit, measured };
  });
  const cost = sumCosts(rows.map((row) => row.cost));
  const between = median(outside);
  const kernels = rows.reduce((sum, { measured }) => sum + measured, 0);
  const { seconds, limit } = predict(cost, roofs);
  return {
    operations: rows.map((row): InspectedOperation => ({ ...row, share: row.measured / (kernels + between) })),
    cost,
    predicted: rows.reduce((sum, { predicted }) => sum + predicted, 0),
    roof: seconds,
    limit,
    kernels,
    between,
    betweenShare: between / (kernels + between),
    untraced: median(untraced),
    passes: calls.length,
  };
}
