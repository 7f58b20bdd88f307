/**
 * `outrider/origin`: the gateway that verifies drafts, the engines that run a target, and a Node server for both.
 *
 * @example
 * const engine = await loadEngine("llama", { model: "model.gguf" });
 * const server = await serveOrigin(createGateway(engine, { token: process.env.ORIGIN_TOKEN }), 8788, "127.0.0.1");
 */
import type { TargetEngine } from "./engine.ts";
import { engineRow } from "./engines.ts";
import { DEFAULT_LIMITS, Gateway, type GatewayOptions } from "./gateway.ts";

export { OutriderError } from "../core/model/errors.ts";
export type { Capabilities, Deciding, EngineSequence, TargetEngine } from "./engine.ts";
export type { GenerationEvent } from "./gateway.ts";
export { type OriginServer, serveOrigin } from "./node.ts";
export type { Gateway };

/** What an engine is loaded from. Only `model` is needed by all. */
export interface LoadOptions {
  /** wasm: a pack's folder. llama: a GGUF file. sglang and vllm: the folder of the checkpoint that the server runs. */
  readonly model: string;
  /** sglang and vllm: where the server listens. */
  readonly url?: string;
  /** sglang and vllm: the bearer token that the server asks for. */
  readonly engineToken?: string;
  /** Generations at work at once, 16 unless given; pass the same to `createGateway` as `live`. */
  readonly sessions?: number;
  /** Tokens of key/value memory for all sessions together; four whole contexts unless given. */
  readonly kvTokens?: number;
  /** llama: threads; the library's own choice unless given. */
  readonly threads?: number;
  /** llama: false keeps it off a GPU. */
  readonly gpu?: boolean;
}

/**
 * Loads what runs a target. Rejects with `bad_option` for an unknown name, and with what loading the model throws. An
 * engine of your own implements `TargetEngine` and needs no loading.
 *
 * @example
 * const engine = await loadEngine("vllm", { model: "checkpoints/qwen3-8b", url: "http://127.0.0.1:8000" });
 */
export async function loadEngine(
  name: "wasm" | "llama" | "sglang" | "vllm",
  { model, url, engineToken, sessions = DEFAULT_LIMITS.live, kvTokens, threads, gpu = true }: LoadOptions,
): Promise<TargetEngine> {
  const row = engineRow(name);
  return row.load({
    model,
    url: url ?? null,
    engineToken: engineToken ?? null,
    kept: sessions * row.keptPerLive,
    kvTokens: kvTokens ?? null,
    threads: threads ?? null,
    gpu,
  });
}

/**
 * The door to an engine: who may come in, how many at once, and whether what they ask can be done. Limits that are not
 * given are those of `outrider origin`; without a token everybody may come in.
 *
 * @example
 * const gateway = createGateway(engine, { token: "a long random word", live: 32 });
 */
export const createGateway = (engine: TargetEngine, options: Partial<Omit<GatewayOptions, "now">> = {}): Gateway =>
  new Gateway(engine, { ...DEFAULT_LIMITS, token: null, ...options, now: () => performance.now() });
