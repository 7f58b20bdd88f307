/**
 * A decode step and a prefill of a pack, each operation measured and held against the roofs of this machine: the
 * analysis that Kim et al. 2023, "Full Stack Optimization of Transformer Inference" (arXiv 2302.14017), section 3, asks
 * for.
 *
 * Traced and untraced passes take turns, so that what else the machine does touches both; times are medians of passes.
 */
import { type Llama, loadLlama, type ShardReader } from "../draft/llama.ts";
import { type PackHeader, packBytes } from "../format/pack-header.ts";
import { PAGE_TOKENS } from "../kernels/abi.ts";
import type { KernelModules } from "../kernels/wasm.ts";
import { type Cost, sumCosts } from "./cost.ts";
import { Operations } from "./operation.ts";
import { type Limit, predict, RoofMeter, type Roofs } from "./roof.ts";
import { arbitraryTokens, median } from "./timing.ts";
import { type Call, Trace } from "./trace.ts";

export interface InspectedOperation {
  readonly name: string;
  readonly calls: number;
  readonly cost: Cost;
  /** Seconds at the lowest roof, and which that is. */
  readonly predicted: number;
  readonly limit: Limit;
  /** Seconds of all its calls in one pass. */
  readonly measured: number;
  /** Of a pass, 0 to 1; with `betweenShare` they sum to 1. */
  readonly share: number;
}

/** All times in seconds a pass. */
export interface InspectedPass {
  readonly kind: "decode" | "prefill";
  /** Tokens that enter. */
  readonly tokens: number;
  /** Tokens in the cache before. */
  readonly position: number;
  readonly operations: readonly InspectedOperation[];
  readonly cost: Cost;
  /** All operations at their roofs, one after the other. */
  readonly predicted: number;
  /** The whole pass at the lower of its two roofs: reading against arithmetic, as if each hid the other throughout. */
  readonly roof: number;
  readonly limit: Limit;
  /**
   * Inside kernels, traced; and outside them (page table, angles of the rotation), of a pass whose kernels do nothing.
   */
  readonly kernels: number;
  readonly between: number;
  readonly betweenShare: number;
  /** A pass without the trace: what the service would see. */
  readonly untraced: number;
  /** How many passes the medians are of. */
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

export interface InspectionOptions {
  /** Tokens of the prefill. */
  readonly tokens: number;
  /** Tokens in the cache of the decode step. */
  readonly position: number;
}

/** Untimed passes first: V8 compiles hot kernels again, and better, behind the running program. */
const WARM_UP = { decode: 40, prefill: 3 };
const LEAST_PASSES = 7;
const MOST_PASSES = 200;
const BUDGET_MS = 3000;

/**
 * Loads the pack and measures. Takes some ten seconds; wants a machine at rest. Rejects with what `loadLlama` rejects
 * with.
 */
export async function inspectPack(
  header: PackHeader,
  shards: ShardReader,
  modules: KernelModules,
  roof: WebAssembly.Module,
  { tokens, position }: InspectionOptions,
): Promise<Inspection> {
  let trace!: Trace;
  let operations!: Operations;
  const llama = await loadLlama(header, shards, modules, {
    pages: Math.ceil(Math.max(tokens, position + 1) / PAGE_TOKENS),
    rows: 1,
    observe: (kernels, arena) => {
      trace = new Trace(kernels);
      operations = new Operations(header, arena);
      return trace.kernels;
    },
  });
  const decodeStep = startDecode(llama, position);
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

/** A step that decodes greedily at `position`, always the same one. */
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
  // The same calls every pass: what the n-th is holds for all.
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
