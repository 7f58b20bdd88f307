/** llama.cpp, as node-llama-cpp brings it, for comparisons: one sequence on the CPU. */
import { findLlamaLibrary, type LibrarySequence } from "../../src/origin/engines/llama-library.ts";

export interface Reference {
  readonly sequence: LibrarySequence;
  dispose(): Promise<void>;
}

/**
 * One sequence of `contextSize` tokens of a GGUF model on the CPU. Flash attention is faster and adds in another order.
 */
export async function openLlamaCpp(
  gguf: string,
  contextSize: number,
  threads: number,
  flashAttention = false,
): Promise<Reference> {
  const library = await findLlamaLibrary();
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
