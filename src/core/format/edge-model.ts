/**
 * What an edge knows of its target: `target.json` beside the two tokenizer files. No weight is among it, so any model
 * has one whose tokenizer and chat template can be read, whatever its architecture (target.ts describes it). The edge
 * reads this file and no model, so this stands apart from all that reads models.
 */
import * as z from "zod";

export interface TargetDescription {
  /** Model id, as clients and the wire name it. */
  readonly model: string;
  /** Size and hash of the token table; the origin must agree on the hash. */
  readonly vocabulary: { readonly size: number; readonly hash: string };
  /** Longest timeline in tokens. */
  readonly context: number;
  /** Token ids that end an answer. */
  readonly stopIds: readonly number[];
}

/** `target.json` among the edge's assets. */
export interface EdgeModel extends TargetDescription {
  /** Id of the draft model whose pack lies under draft/; null: this edge has no weights. */
  readonly draft: string | null;
  /** Tokens per target pass with that draft, as its card reports; absent where nobody has measured it. */
  readonly tokensPerPass?: number | undefined;
  /** `longestTokens` of its tokenizer; absent where that is null. */
  readonly longestTokens?: readonly number[] | undefined;
}

const count = z.int().nonnegative();

export const edgeModelSchema: z.ZodType<EdgeModel> = z.object({
  model: z.string().min(1),
  vocabulary: z.object({ size: count, hash: z.string() }),
  context: z.int().min(2),
  stopIds: z.array(count),
  draft: z.string().nullable(),
  tokensPerPass: z.number().min(1).optional(),
  longestTokens: z.array(count).optional(),
});
