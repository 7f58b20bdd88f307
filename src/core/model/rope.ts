/**
 * The frequencies of rotary positions, and how Llama 3.1 and later stretch them for longer contexts: slow frequencies
 * are divided by a factor, fast ones stay, those between change smoothly ("Llama 3 Herd of Models", arXiv 2407.21783,
 * and the `llama3` rule of transformers).
 */
export interface RopeScaling {
  readonly type: "llama3";
  /** What slow frequencies are divided by. */
  readonly factor: number;
  /** A frequency is slow when fewer of its turns than this fit into `originalContext`. */
  readonly lowTurns: number;
  /** It is fast when more than this do. */
  readonly highTurns: number;
  /** Tokens of the context before it was stretched. */
  readonly originalContext: number;
}

/** A frequency in radians a token, as the model uses it. Without a rule it stays as it is, bit for bit. */
export function scaledFrequency(frequency: number, scaling: RopeScaling | undefined): number {
  if (!scaling) return frequency;
  const { factor, lowTurns, highTurns, originalContext } = scaling;
  const turns = (originalContext * frequency) / (2 * Math.PI);
  const fast = Math.min(1, Math.max(0, (turns - lowTurns) / (highTurns - lowTurns)));
  return frequency * ((1 - fast) / factor + fast);
}
