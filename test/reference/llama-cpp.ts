/**
 * llama.cpp, as node-llama-cpp brings it, for comparisons. It is no dependency of the project: the first use installs
 * it, with the binaries of this platform alone (about 30 MB), into the ignored folder .cache/llama.
 */
import path from "node:path";
import { pathToFileURL } from "node:url";
import { installBeside } from "../support/beside.ts";

const VERSION = "3.22.1";
const BINARIES: Readonly<Record<string, string>> = {
  "linux-x64": "linux-x64",
  "linux-arm64": "linux-arm64",
  "darwin-x64": "mac-x64",
  "darwin-arm64": "mac-arm64-metal",
  "win32-x64": "win-x64",
  "win32-arm64": "win-arm64",
};

/** The part of node-llama-cpp's types that is used here. */
interface Library {
  getLlama(options: { gpu: false; build: "never"; logLevel: "error"; maxThreads?: number }): Promise<{
    loadModel(options: { modelPath: string; gpuLayers: 0 }): Promise<LibraryModel>;
    dispose(): Promise<void>;
  }>;
}

interface LibraryModel {
  createContext(options: {
    contextSize: number;
    batchSize: number;
    threads: number;
    flashAttention: boolean;
  }): Promise<{ getSequence(): LibrarySequence; dispose(): Promise<void> }>;
}

export interface LibrarySequence {
  readonly nextTokenIndex: number;
  controlledEvaluate(
    input: (number | [token: number, options: { generateNext: { token: true; options: { temperature: 0 } } }])[],
  ): Promise<(undefined | { next: { token?: number | null } })[]>;
  eraseContextTokenRanges(ranges: { start: number; end: number }[]): Promise<void>;
  clearHistory(): Promise<void>;
}

export interface Reference {
  readonly sequence: LibrarySequence;
  dispose(): Promise<void>;
}

/** One sequence of `contextSize` tokens of a GGUF model on the CPU. Flash attention is faster and adds in another order. */
export async function openLlamaCpp(
  gguf: string,
  contextSize: number,
  threads: number,
  flashAttention = false,
): Promise<Reference> {
  const library = await install();
  const llama = await library.getLlama({ gpu: false, build: "never", logLevel: "error", maxThreads: threads });
  const model = await llama.loadModel({ modelPath: gguf, gpuLayers: 0 });
  const context = await model.createContext({ contextSize, batchSize: contextSize, threads, flashAttention });
  return { sequence: context.getSequence(), dispose: () => llama.dispose() };
}

/** The most likely next token after each of `tokens`. */
export async function argmaxes({ sequence }: Reference, tokens: readonly number[]): Promise<number[]> {
  await sequence.clearHistory();
  const options = { generateNext: { token: true, options: { temperature: 0 } } } as const;
  const rows = await sequence.controlledEvaluate(tokens.map((token) => [token, options]));
  return rows.map((row) => row?.next.token ?? -1);
}

async function install(): Promise<Library> {
  const platform = BINARIES[`${process.platform}-${process.arch}`];
  if (!platform) throw new Error(`node-llama-cpp has no CPU binaries for ${process.platform}-${process.arch}`);
  // The optional packages it would bring are every platform's binaries, CUDA's too (1.3 GB).
  const library = installBeside("llama", "node-llama-cpp", VERSION, { [`@node-llama-cpp/${platform}`]: VERSION });
  return import(pathToFileURL(path.join(library, "dist/index.js")).href);
}
