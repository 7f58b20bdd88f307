/** Single steps of @huggingface/tokenizers, so that what is between them can be looked at. */
import { Tokenizer as Library } from "@huggingface/tokenizers";

/** Published files have up to ten. */
const MOST_STEPS = 64;

/** The library with a normaliser, a pre-tokeniser, or both, and no vocabulary. Throws an Error for unknown ones. */
export const libraryOf = (parts: { normalizer: unknown; pre_tokenizer: unknown }): Library =>
  new Library(
    {
      added_tokens: [],
      ...parts,
      post_processor: null,
      decoder: null,
      model: { type: "BPE", vocab: {}, merges: [] },
    },
    {},
  );

/**
 * The steps of a configuration in order, those of sequences in sequences too.
 * @param field where a sequence has its steps
 * Throws an Error where there are more than 64.
 */
export function stepsIn(config: unknown, field: "normalizers" | "pretokenizers"): unknown[] {
  const steps: unknown[] = [];
  const add = (step: unknown): void => {
    const { type, [field]: inner } = (step ?? {}) as { type?: unknown; [field]?: unknown };
    if (type !== "Sequence") steps.push(step);
    else if (Array.isArray(inner)) for (const each of inner) add(each);
    if (steps.length > MOST_STEPS) throw new Error(`${field} has more than ${MOST_STEPS} steps`);
  };
  add(config);
  return steps;
}
