/**
 * How a GGUF file says that RoPE is scaled as Llama 3.1's: not by the rule's numbers but by what comes of it, a factor
 * for each pair of channels by which its frequency is divided. The rule is found again and held to every factor.
 */
import { dequantise } from "../model/blocks.ts";
import { OutriderError } from "../model/errors.ts";
import { type RopeScaling, scaledFrequency } from "../model/rope.ts";
import { type Gguf, readGgufTensor } from "./gguf.ts";

/** Name of the tensor. */
export const ROPE_FACTORS = "rope_freqs.weight";

/** What all of Llama 3.1, 3.2 and 3.3 have in common; they differ in the factor. */
const LLAMA3 = { type: "llama3", lowTurns: 1, highTurns: 4, originalContext: 8192 } as const;

/** Of a factor, relative: the converter computes them in f32. */
const TOLERANCE = 1e-4;

/**
 * The rule, or nothing where the file has no factors or all are 1. Rejects with `unsupported_model` for factors of
 * another rule.
 */
export async function readRopeFactors(gguf: Gguf, headSize: number, theta: number): Promise<RopeScaling | undefined> {
  const tensor = gguf.tensors.get(ROPE_FACTORS);
  if (!tensor) return undefined;
  const pairs = headSize / 2;
  const factors = dequantise(tensor.type, await readGgufTensor(gguf, ROPE_FACTORS), tensor.rows * tensor.cols);
  if (factors.every((factor) => factor === 1)) return undefined;
  // Digits beyond the sixth are a converter's arithmetic.
  const scaling = { ...LLAMA3, factor: Number(Math.max(...factors).toPrecision(6)) };
  const fits = (factor: number, pair: number) => {
    const frequency = theta ** (-pair / pairs);
    return Math.abs((factor * scaledFrequency(frequency, scaling)) / frequency - 1) < TOLERANCE;
  };
  if (factors.length === pairs && factors.every(fits)) return scaling;
  throw new OutriderError(
    "unsupported_model",
    `${gguf.source.name}: ${ROPE_FACTORS} scales RoPE by ${factors.length} factors that are not Llama 3's; the ` +
      "model's Hugging Face folder says by which rule",
  );
}
