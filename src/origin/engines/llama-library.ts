/** node-llama-cpp as far as the llama engine uses it, and where it is found. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { OutriderError } from "../../core/model/errors.ts";
import { cacheFolder } from "../../core/platform/places.ts";
import { installLlama } from "./llama-install.ts";

interface Library {
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
    experimentalKvCacheValueType?: CacheType;
    batching?: {
      itemPrioritizationStrategy(waiting: {
        readonly items: readonly BatchItem[];
        readonly size: number;
      }): PrioritizedItem[];
    };
  }): Promise<LibraryContext>;
}

export type CacheType = "F16" | "BF16" | "Q8_0";

/** Tokens of one sequence that wait for a pass. */
export interface BatchItem {
  readonly tokens: readonly number[];
}

/** How many of them the next pass takes. */
export interface PrioritizedItem {
  readonly item: BatchItem;
  readonly processAmount: number;
}

export interface LibraryContext {
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
    input: readonly (number | readonly [token: number, options: { generateNext: Question }])[],
  ): Promise<readonly (Reply | undefined)[]>;
  evaluateWithoutGeneratingNewTokens(tokens: readonly number[]): Promise<void>;
  adaptStateToTokens(tokens: readonly number[], allowShift: false): Promise<void>;
  eraseContextTokenRanges(ranges: readonly { start: number; end: number }[]): Promise<void>;
  clearHistory(): Promise<void>;
}

/** Where it is installed. */
const llamaFolder = (): string => join(cacheFolder(), "llama");

const entryIn = (folder: string): string => join(folder, "node_modules/node-llama-cpp/dist/index.js");

/** Whether the cache has all of it: npm writes this file when all packages are in place. */
const isWhole = (folder: string): boolean =>
  existsSync(join(folder, "node_modules/.package-lock.json")) && existsSync(entryIn(folder));

/** What helps where the library that was found does not run. */
export const llamaRemedy = (): string =>
  isWhole(llamaFolder())
    ? `remove ${llamaFolder()}, and start again`
    : "`npm uninstall node-llama-cpp` where Outrider is installed, and start again: it installs its own";

/**
 * From the user's cache folder, or from the packages installed beside this one. Where it is in neither, it is installed
 * into the cache. Throws `library_missing` where that fails, `busy` while another process does it.
 */
export async function findLlamaLibrary(): Promise<Library> {
  const folder = llamaFolder();
  const installed = entryIn(folder);
  // In a variable, because the compiler need not find it.
  const name: string = "node-llama-cpp";
  try {
    return await import(isWhole(folder) ? pathToFileURL(installed).href : name);
  } catch {
    await installLlama(folder);
  }
  return await import(pathToFileURL(installed).href).catch((cause: unknown) => {
    throw new OutriderError("library_missing", `node-llama-cpp does not load; remove ${folder}, and start again`, {
      cause,
    });
  });
}
