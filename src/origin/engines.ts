/** The engines by name, and how each is loaded. A new engine is a file in `engines/` and a row here. */
import { OutriderError } from "../core/model/errors.ts";
import { MAX_DRAFT } from "../core/verify/protocol.ts";
import type { TargetEngine } from "./engine.ts";
import type { KnownModel } from "./engines/known-model.ts";

export interface EngineOptions {
  /** A pack, a GGUF file, or a checkpoint's directory. */
  readonly model: string;
  /** Of a server's model, where nothing is to be read from `model`; the server must run it. */
  readonly known?: KnownModel;
  /** The server to connect to, for an engine that is one. */
  readonly url: string | null;
  /** Its bearer token. */
  readonly engineToken: string | null;
  /** Sessions whose keys and values are kept, those at work included. */
  readonly kept: number;
  /** Tokens of key/value memory for all sessions; null takes the engine's default. */
  readonly kvTokens: number | null;
  /** null lets the engine choose. */
  readonly threads: number | null;
  /** Cores that such a choice leaves to other programs; none unless given. */
  readonly spareCores?: number;
  readonly gpu: boolean;
  /** llama: every row the same to the bit; `LlamaOptions.exact`. */
  readonly exact?: boolean;
  /** Of the emulated engine: whose costs it takes, and the file of answers that it replays. */
  readonly emulation?: { readonly accelerator: string; readonly recorded: string };
}

interface EngineRow {
  /** What `--model` names. */
  readonly model: string;
  /** Whether it needs `--url`. */
  readonly remote: boolean;
  /** Sessions kept per generation at work. 1 where a kept session takes memory of its own. */
  readonly keptPerLive: number;
  load(options: EngineOptions): Promise<TargetEngine>;
}

const remote = ({ model, known, url, engineToken }: EngineOptions) => ({
  url: url!,
  model: known ?? model,
  token: engineToken,
  maxDraft: MAX_DRAFT,
});

export const ENGINES: Readonly<Record<string, EngineRow>> = {
  wasm: {
    model: "a pack's directory",
    remote: false,
    keptPerLive: 4,
    load: async ({ model, kvTokens }) => (await import("./engines/wasm-node.ts")).loadWasm(model, kvTokens),
  },
  llama: {
    model: "a GGUF file",
    remote: false,
    keptPerLive: 1,
    load: async ({ model, kept, kvTokens, threads, spareCores = 0, gpu, exact = false }) =>
      (await import("./engines/llama.ts")).loadLlamaCpp(model, {
        sequences: kept,
        kvTokens,
        maxDraft: MAX_DRAFT,
        gpu,
        threads,
        spareCores,
        exact,
      }),
  },
  sglang: {
    model: "the directory of the checkpoint that the server runs, or of its pack",
    remote: true,
    keptPerLive: 4,
    load: async (options) => (await import("./engines/sglang.ts")).connectSglang(remote(options)),
  },
  vllm: {
    model: "the directory of the checkpoint that the server runs, or of its pack",
    remote: true,
    keptPerLive: 4,
    load: async (options) => (await import("./engines/vllm.ts")).connectVllm(remote(options)),
  },
  emulated: {
    model: "a pack of the target or of a draft for it, whose answers are replayed",
    remote: false,
    keptPerLive: 4,
    load: async ({ model, kept, emulation }) =>
      (await import("./engines/emulated.ts")).loadEmulated({
        pack: model,
        ...emulation!,
        maxDraft: MAX_DRAFT,
        sequences: kept,
      }),
  },
};

/** Throws `bad_option` for a name that is none. */
export function engineRow(name: string): EngineRow {
  const row = Object.hasOwn(ENGINES, name) ? ENGINES[name] : undefined;
  if (row) return row;
  throw new OutriderError("bad_option", `there is no engine "${name}"; there are ${Object.keys(ENGINES).join(", ")}`);
}
