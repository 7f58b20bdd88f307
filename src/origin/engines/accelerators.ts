/**
 * Accelerators that are emulated, as data: what a target pass takes on each, and where the numbers were published.
 * Nothing here was measured by this project. T is a pass over one position. A pass over N positions takes T·r(N), and
 * reads the keys and values of each of its sequences once:
 *
 *   pass    = T·r(N) + context·kv          N positions and `context` tokens of all its sequences together
 *   prompt  = as long as the pass, or prompt tokens ÷ prefill rate where that is longer
 *
 * r(N) is a curve of `PASS_COSTS`, because kernels and not the hardware's limits set where positions stop being free.
 */
import { OutriderError } from "../../core/model/errors.ts";
import { costOf } from "../../core/speculate/pass-cost.ts";
import { PASS_COSTS } from "../pass-costs.ts";

const LLAMA_CPP = "https://github.com/ggml-org/llama.cpp";
const BENCHMARKS = "XiongjieDai/GPU-Benchmarks-on-LLM-Inference, README at 00dd2bd";

/** What is known of a curve r(N) of `PASS_COSTS` beside its numbers. */
interface CostClass {
  readonly about: string;
  /** Whether servers with such kernels verify siblings. */
  readonly siblings: boolean;
  readonly source: string;
}

export const COST_CLASSES = {
  gemm16: {
    about: "16-bit weights, CUDA",
    siblings: true,
    source:
      `to 16: 8B BF16 on an RTX 3090, llama-bench, ${LLAMA_CPP}/pull/14262 and /15131; to 128: a layer on a B200, ` +
      "https://github.com/vllm-project/vllm/pull/20071; beyond modelled: an A100 at half of its peak operations",
  },
  fp8: {
    about: "FP8 weights, CUTLASS on Ada",
    siblings: true,
    source: "four layer shapes of a 7B summed, https://github.com/vllm-project/vllm/pull/6677; products alone",
  },
  marlin4: {
    about: "4-bit weights, Marlin kernels",
    siblings: true,
    source: "a guess that agrees with https://github.com/IST-DASLab/marlin: nearly ideal to 16 or 32 tokens",
  },
  llamacpp4: {
    about: "4-bit weights, llama.cpp on CUDA",
    siblings: false,
    source:
      `8B Q4_0 on an RTX 3090, ${LLAMA_CPP}/pull/15802; ` + `from 16: ${LLAMA_CPP}/pull/17505 less its keys and values`,
  },
  metal: {
    about: "llama.cpp on Apple's Metal",
    siblings: false,
    source: `Qwen2.5-Coder-7B Q8_0, taken for an M2 Ultra, ${LLAMA_CPP}/pull/10581`,
  },
} as const satisfies Partial<Record<keyof typeof PASS_COSTS, CostClass>>;

export type CostClassName = keyof typeof COST_CLASSES;

export interface Accelerator {
  readonly name: string;
  /** Hardware, model and server, in words. */
  readonly about: string;
  readonly costs: CostClassName;
  /** T: a target pass over one position, ms. */
  readonly passMs: number;
  /** Prompt tokens a second. */
  readonly prefill: number;
  /** What a token of context adds to a pass, µs: its keys and values ÷ memory bandwidth. */
  readonly contextUs: number;
  /** A step of a draft model on the same hardware, ms, for drafts that are made there. */
  readonly draftMs: number;
  /** Where T and the prefill rate were published; "modelled" where they were not. */
  readonly source: string;
}

/** A 0.5B in BF16 on an A100 in vLLM: the only small model for which such a figure was found. */
const SMALL_MODEL_MS = 3.21;
const QWEN_A100 = "Qwen2.5 speed benchmark, vLLM 0.6.3, batch 1 (QwenLM/Qwen2.5, docs/source/benchmark)";
const NIM = "NVIDIA NIM benchmarks, docs.nvidia.com/nim/benchmarking/llm: 500 tokens in, first token after 47.8 ms";
const MODELLED_PREFILL = "prefill modelled at half of the peak operations";

const TABLE: readonly Accelerator[] = [
  {
    name: "2xh100-70b",
    about: "2×H100, Llama-3.3-70B FP8, NVIDIA NIM",
    costs: "fp8",
    passMs: 18.9,
    prefill: 10_460,
    contextUs: 0.05,
    draftMs: SMALL_MODEL_MS,
    source: NIM,
  },
  {
    name: "2xh100-72b",
    about: "2×H100, Qwen2.5-72B",
    costs: "gemm16",
    passMs: 30.9,
    prefill: 7924,
    contextUs: 0.05,
    draftMs: SMALL_MODEL_MS,
    source: "https://github.com/tenstorrent/tt-inference-server/issues/143; precision not stated, taken for 16 bits",
  },
  {
    name: "a100-7b",
    about: "A100 80 GB, Qwen2.5-7B BF16, vLLM",
    costs: "gemm16",
    passMs: 11.87,
    prefill: 10_200,
    contextUs: 0.028,
    draftMs: SMALL_MODEL_MS,
    source: `${QWEN_A100}; ${MODELLED_PREFILL}`,
  },
  {
    name: "a100-14b",
    about: "A100 80 GB, Qwen2.5-14B BF16, vLLM",
    costs: "gemm16",
    passMs: 21.6,
    prefill: 5300,
    contextUs: 0.096,
    draftMs: SMALL_MODEL_MS,
    source: `${QWEN_A100}; ${MODELLED_PREFILL}`,
  },
  {
    name: "a100-32b",
    about: "A100 80 GB, Qwen2.5-32B AWQ, vLLM",
    costs: "marlin4",
    passMs: 19.3,
    prefill: 2400,
    contextUs: 0.129,
    draftMs: SMALL_MODEL_MS,
    source: `${QWEN_A100}; ${MODELLED_PREFILL}`,
  },
  {
    name: "l4-8b",
    about: "L4, Llama-3-8B FP8, vLLM",
    costs: "fp8",
    passMs: 35,
    prefill: 7600,
    contextUs: 0.44,
    draftMs: 5,
    source: "modelled: weights ÷ 80 % of 300 GB/s; no published single stream was found",
  },
  {
    name: "rtx3090-8b",
    about: "RTX 3090, Llama-3.1-8B Q4_0, llama.cpp",
    costs: "llamacpp4",
    passMs: 6.39,
    prefill: 4030,
    contextUs: 0.14,
    draftMs: SMALL_MODEL_MS,
    source: `${LLAMA_CPP}/pull/15802; prefill: Q4_K_M, ${BENCHMARKS}`,
  },
  {
    name: "rtx3090-32b",
    about: "RTX 3090, Qwen2.5-Coder-32B Q4_K_M, llama.cpp",
    costs: "llamacpp4",
    passMs: 34.5,
    prefill: 985,
    contextUs: 0.28,
    draftMs: SMALL_MODEL_MS,
    source: `${LLAMA_CPP}/pull/10455; prefill: that of an 8B, ${BENCHMARKS}, divided by the parameters`,
  },
  {
    name: "2xrtx4090-70b",
    about: "2×RTX 4090, Llama-3-70B Q4_K_M, llama.cpp",
    costs: "llamacpp4",
    passMs: 52,
    prefill: 839,
    contextUs: 0.33,
    draftMs: SMALL_MODEL_MS,
    source: BENCHMARKS,
  },
  {
    name: "m2ultra-70b",
    about: "M2 Ultra, Llama-3-70B Q4_K_M, llama.cpp",
    costs: "metal",
    passMs: 80.1,
    prefill: 119,
    contextUs: 0.41,
    draftMs: 5,
    source: BENCHMARKS,
  },
  {
    name: "m3max-8b",
    about: "M3 Max, Llama-3-8B Q4_K_M, llama.cpp",
    costs: "metal",
    passMs: 20.4,
    prefill: 693,
    contextUs: 0.33,
    draftMs: 5,
    source: BENCHMARKS,
  },
];

export const ACCELERATORS: ReadonlyMap<string, Accelerator> = new Map(TABLE.map((each) => [each.name, each]));

/** The accelerator where nobody names one: its pass, its precision and its first token were published together. */
export const DEFAULT_ACCELERATOR = TABLE[0]!.name;

/**
 * The accelerator of that name, or a cost class with a T of its own, as `gemm16:25`. Throws `bad_option` naming those
 * that there are.
 */
export function acceleratorNamed(name: string): Accelerator {
  const known = ACCELERATORS.get(name);
  if (known) return known;
  const [costs, ms] = name.split(":") as [string, string | undefined];
  const passMs = Number(ms);
  if (isCostClass(costs) && passMs >= 1 && passMs <= 1000) {
    return {
      name,
      about: COST_CLASSES[costs].about,
      costs,
      passMs,
      // As many prompt tokens in a pass as the published rows have on average.
      prefill: Math.round(150_000 / passMs),
      contextUs: 0.1,
      draftMs: SMALL_MODEL_MS,
      source: `T as named; growth: ${COST_CLASSES[costs].source}`,
    };
  }
  throw new OutriderError(
    "bad_option",
    `there is no accelerator "${name}"; there are ${[...ACCELERATORS.keys()].join(", ")}, or a class with the ms of ` +
      `a pass (1 to 1000) as gemm16:25, of ${Object.keys(COST_CLASSES).join(", ")}`,
  );
}

const isCostClass = (name: string): name is CostClassName => Object.hasOwn(COST_CLASSES, name);

/** What a pass is about, of all its sequences together. */
export interface PassShape {
  /** Positions whose next token is decided, at least 1. */
  readonly positions: number;
  /** Tokens of prompts that are read along. */
  readonly prompt: number;
  /** Tokens whose keys and values are read. */
  readonly context: number;
}

/** Milliseconds of a pass. */
export function passMs(accelerator: Accelerator, { positions, prompt, context }: PassShape): number {
  const { costs, prefill, contextUs } = accelerator;
  const alone = accelerator.passMs;
  const growth = alone * (costOf(PASS_COSTS[costs], Math.max(1, positions)) - 1);
  // Reading the weights and computing a prompt overlap: the longer of the two counts.
  return growth + Math.max(alone, (1000 * prompt) / prefill) + (context * contextUs) / 1000;
}
