/**
 * node-llama-cpp as far as the llama engine uses it, and where it is found. It is no dependency of the project, because
 * with the binaries of all platforms it takes 1.3 GB. Users of the engine install it with those of their own platform
 * (30 MB for a CPU).
 */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { OutriderError } from "../../model/errors.ts";
import { cacheFolder } from "../../platform/places.ts";

export const LLAMA_VERSION = "3.22.1";

/** The package of binaries by platform, the one for a GPU that most machines of the kind have. */
const BINARIES: Readonly<Record<string, string>> = {
  "linux-x64": "linux-x64",
  "linux-arm64": "linux-arm64",
  "darwin-x64": "mac-x64",
  "darwin-arm64": "mac-arm64-metal",
  "win32-x64": "win-x64",
  "win32-arm64": "win-arm64",
};

export interface Library {
  getLlama(options: { gpu: false | "auto"; build: "never"; logLevel: "error"; maxThreads?: number }): Promise<{
    readonly gpu: false | string;
    readonly cpuMathCores: number;
    /** Threads of all contexts together. */
    maxThreads: number;
    loadModel(options: { modelPath: string; gpuLayers?: 0 }): Promise<LibraryModel>;
    dispose(): Promise<void>;
  }>;
  readonly TokenBias: new (tokenizer: unknown) => LibraryBias;
}

export interface LibraryBias {
  set(token: number, bias: { logit: number }): unknown;
}

export interface LibraryModel {
  readonly tokenizer: unknown;
  readonly trainContextSize: number;
  isEogToken(token: number): boolean;
  createContext(options: {
    contextSize: number;
    batchSize: number;
    sequences?: number;
    threads?: number;
    flashAttention: boolean | "auto";
    experimentalKvCacheKeyType?: "F32";
    experimentalKvCacheValueType?: "F32";
  }): Promise<LibraryContext>;
}

interface LibraryContext {
  getSequence(): LibrarySequence;
  dispose(): Promise<void>;
}

/** What to return of the distribution after a token. */
export interface Question {
  readonly token?: boolean;
  readonly logits?:
    | boolean
    | {
        readonly filter: {
          readonly tokens: readonly number[];
          readonly includeTop?: number;
          readonly includeSelected?: boolean;
        };
      };
  readonly totalLogitWeight?: boolean;
  readonly options: {
    readonly temperature: number;
    readonly topK?: number;
    readonly topP?: number;
    readonly minP?: number;
    readonly seed?: number;
    readonly tokenBias?: LibraryBias;
  };
}

export interface Reply {
  readonly next: {
    readonly token?: number | null;
    readonly logits?: ReadonlyMap<number, number>;
    /** Σ exp(logit − largest). */
    readonly totalLogitWeight?: number;
  };
}

export interface LibrarySequence {
  readonly nextTokenIndex: number;
  controlledEvaluate(
    input: readonly (number | [token: number, options: { generateNext: Question }])[],
  ): Promise<readonly (Reply | undefined)[]>;
  evaluateWithoutGeneratingNewTokens(tokens: readonly number[]): Promise<void>;
  adaptStateToTokens(tokens: readonly number[], allowShift: false): Promise<void>;
  eraseContextTokenRanges(ranges: readonly { start: number; end: number }[]): Promise<void>;
  clearHistory(): Promise<void>;
}

/**
 * From the user's cache folder, or from the packages installed beside this one. Throws `library_missing` saying what to
 * install.
 */
export async function findLlamaLibrary(): Promise<Library> {
  const folder = join(cacheFolder(), "llama");
  const installed = join(folder, "node_modules/node-llama-cpp/dist/index.js");
  // In a variable, because the compiler need not find it.
  const name: string = "node-llama-cpp";
  try {
    return await import(existsSync(installed) ? pathToFileURL(installed).href : name);
  } catch (cause) {
    const binaries = llamaBinaries();
    const packages = `node-llama-cpp@${LLAMA_VERSION} ${binaries}@${LLAMA_VERSION}`;
    const install = `npm install --prefix "${folder}" --omit=optional ${packages}`;
    throw new OutriderError(
      "library_missing",
      binaries
        ? `the llama engine needs node-llama-cpp, which is not installed: ${install} ` +
            `(for an NVIDIA GPU ${binaries}-cuda, for others -vulkan)`
        : `the llama engine needs node-llama-cpp, which has no binaries for ${process.platform}-${process.arch}; ` +
            "its own documentation explains how to build them",
      { cause },
    );
  }
}

/** The package of binaries for this platform, if there is one. */
export function llamaBinaries(): string | undefined {
  const name = BINARIES[`${process.platform}-${process.arch}`];
  return name && `@node-llama-cpp/${name}`;
}
