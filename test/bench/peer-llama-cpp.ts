/** llama.cpp on one thread of the CPU, through node-llama-cpp, as an engine to measure. */

import { DECODED, PROMPT, type TimedEngine } from "../../src/tools/inspect/timing.ts";
import { openLlamaCpp } from "../reference/llama-cpp.ts";
import { PREFILLS } from "./measure.ts";

const GREEDY = { generateNext: { token: true, options: { temperature: 0 } } } as const;

export interface LlamaCpp extends TimedEngine {
  close(): Promise<void>;
}

/** Opens a GGUF file. Flash attention is on, as llama.cpp would choose: it is faster in every figure. */
export async function openPeer(gguf: string): Promise<LlamaCpp> {
  const { sequence, dispose } = await openLlamaCpp(gguf, Math.max(...PREFILLS, PROMPT + DECODED) + 64, 1, true);
  return {
    vocabulary: 500,
    async cut(length) {
      const end = sequence.nextTokenIndex;
      if (length < end) await sequence.eraseContextTokenRanges([{ start: length, end }]);
    },
    async pass(tokens, rows) {
      const silent = tokens.slice(0, tokens.length - rows);
      const asked = tokens.slice(tokens.length - rows).map((id): [number, typeof GREEDY] => [id, GREEDY]);
      const answers = await sequence.controlledEvaluate([...silent, ...asked]);
      return answers.at(-1)?.next.token ?? 0;
    },
    close: dispose,
  };
}
