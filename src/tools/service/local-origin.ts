/**
 * An origin in this process, for an edge on the same machine: a gateway with llama.cpp, or before an SGLang or vLLM
 * server.
 */
import { randomBytes } from "node:crypto";
import { renamed } from "../../origin/engine.ts";
import { type EngineOptions, engineRow } from "../../origin/engines.ts";
import { DEFAULT_LIMITS, Gateway } from "../../origin/gateway.ts";
import { serveOrigin } from "../../origin/node.ts";
import { passesOf8 } from "../../origin/pass-costs.ts";

/** Generations at once. */
const SESSIONS = 4;
/** Longest timeline of each, in tokens: a model's whole context would take gigabytes. */
const CONTEXT = 8192;
/** The drafter, which runs in the edge, has a core of its own: threads of llama.cpp that wait for it stand still. */
const SPARE_CORES = 1;

/** How llama.cpp runs a target. */
export type LlamaHow = Required<Pick<EngineOptions, "threads" | "exact">>;

export interface LocalOrigin {
  readonly url: string;
  /** What the edge must send: nobody else on this machine is let in. */
  readonly token: string;
  readonly model: string;
  /** Longest timeline in tokens. */
  readonly context: number;
  /** What the target computes on, in words; absent where another machine may be meant. */
  readonly hardware: string | undefined;
  /** How many passes over one position a pass over eight takes, about; absent where the engine does not know. */
  readonly passesOf8: number | undefined;
  /** As `Capabilities.moreWith`. */
  readonly moreWith: string | undefined;
  close(): Promise<void>;
}

/**
 * Loads a GGUF file.
 * @param modelContext longest timeline that the model was trained for
 * @param model its id for the edge
 * @param how `threads` null leaves a core to the drafter
 * Throws what the engine throws: `library_missing`, `engine_failed`.
 */
export const startLlama = (file: string, modelContext: number, model: string, how: LlamaHow): Promise<LocalOrigin> =>
  startOrigin("llama", { model: file, kvTokens: SESSIONS * Math.min(CONTEXT, modelContext), ...how }, model);

/**
 * Replays recorded answers at the costs of an accelerator.
 * @param pack of the target or of a draft for it
 * @param model its id for the edge
 * Throws what the engine throws: `bad_option`, `not_found`, `bad_recordings`.
 */
export const startEmulated = (
  pack: string,
  emulation: NonNullable<EngineOptions["emulation"]>,
  model: string,
): Promise<LocalOrigin> => startOrigin("emulated", { model: pack, emulation }, model);

type Server = Required<Pick<EngineOptions, "url" | "engineToken" | "known">>;

/** Connects to a server. Throws what connecting throws: `engine_unreachable`, `wrong_model`. */
export const startRemote = (engine: "sglang" | "vllm", server: Server): Promise<LocalOrigin> =>
  startOrigin(engine, server);

async function startOrigin(name: string, given: Partial<EngineOptions>, model?: string): Promise<LocalOrigin> {
  const row = engineRow(name);
  const kept = SESSIONS * row.keptPerLive;
  const loaded = await row.load({
    model: "",
    url: null,
    engineToken: null,
    kept,
    kvTokens: null,
    threads: null,
    spareCores: SPARE_CORES,
    gpu: true,
    ...given,
  });
  const engine = model === undefined ? loaded : renamed(loaded, model);
  const token = randomBytes(24).toString("base64url");
  const limits = { ...DEFAULT_LIMITS, live: SESSIONS, kept, token, now: () => performance.now() };
  const server = await serveOrigin(new Gateway(engine, limits), 0, "127.0.0.1");
  return {
    url: `http://127.0.0.1:${server.port}`,
    token,
    model: engine.model,
    context: engine.context,
    hardware: engine.hardware,
    passesOf8: engine.passCost && passesOf8(engine.passCost),
    moreWith: engine.capabilities.moreWith,
    close: () => server.close(),
  };
}
