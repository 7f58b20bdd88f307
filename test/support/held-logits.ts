/** Logits as a model would hold them behind a forward, over the kernels of this machine. */
import type { Logits } from "../../src/core/draft/draw.ts";
import { TokenRows } from "../../src/core/model/token-rows.ts";
import { freshKernels } from "./kernels.ts";

const X = 4096;
const OUT = 1 << 20;
const IDS = 2 << 20;
const { kernels, memory } = freshKernels("dot16");

export interface HeldVocabulary {
  readonly kept: readonly number[];
  /** As `TokenRows` has them. */
  readonly substitutes: readonly number[];
}

/**
 * One at a time. `logits` are those that drawing overwrites.
 *
 * @param given (V) logits
 * @param room so many fit where the largest are gathered
 */
export function held(
  given: Float32Array,
  room: number,
  trimmed?: HeldVocabulary,
): Logits & { readonly logits: Float32Array } {
  const V = given.length;
  const logits = new Float32Array(memory.buffer, X, V);
  logits.set(given);
  const size = V + (trimmed?.substitutes.length ?? 0);
  const ids = trimmed && new Uint32Array(memory.buffer, IDS, V);
  const tokens = new TokenRows({ config: { vocabulary: V }, vocabulary: { size }, ...trimmed }, ids);
  return {
    logits,
    tokens,
    argmax: () => tokens.idOf(kernels.argmax(X, V)),
    gumbelArgmax: (_, scale, floor, { a, b }) =>
      tokens.idOf(kernels.gumbelArgmax(X, V, tokens.ids ? IDS : 0, scale, floor, a, b)),
    logSumExp: (_, scale = 1) => kernels.logSumExp(X, V, scale),
    logitsAbove(_, cut) {
      const count = kernels.gatherAbove(X, V, cut, OUT, room);
      return count <= room ? new Float32Array(memory.buffer, OUT, count) : undefined;
    },
  };
}
