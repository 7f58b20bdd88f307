/** The pairs that long prompts are measured with, and what each is asked. */
import path from "node:path";
import { knownPairs, type Pair, pairNamed } from "../../../src/tools/obtain/pair.ts";

const MODELS = path.resolve(import.meta.dirname, "../../../models");

/** A document and a question about its first part, code to go on with, and many turns. */
export type Kind = "document" | "code" | "conversation";

export interface LongPair {
  readonly pair: Pair;
  readonly kinds: readonly Kind[];
  /** Folder of the draft's pack. */
  readonly draft: string;
  /** Prompt tokens. With its answer the longest one fits the target's context. */
  readonly lengths: readonly number[];
  /** Short answers of the target, which a skew is measured on. */
  readonly answers: string;
}

/** Conversations are made of recorded questions, which the default pair alone has. */
const ROWS = {
  "smollm2-135m": {
    kinds: ["document", "code", "conversation"],
    lengths: [2000, 4000, 8000],
    answers: "recorded.jsonl.gz",
  },
  "qwen2.5-coder-1.5b": { kinds: ["document", "code"], lengths: [2000, 4000, 8000, 16000, 32000], answers: "answers" },
} satisfies Record<string, Omit<LongPair, "pair" | "draft">>;

/** Options of a bench over long prompts, for `parseOptions`. */
export const PAIR_OPTIONS = {
  pair: { type: "string", default: "smollm2-135m" },
  /** Another pack than the pair's own. */
  draft: { type: "string" },
  lengths: { type: "string" },
} as const;

interface Named {
  readonly pair: string;
  readonly draft?: string | undefined;
  /** "2000,4000": some of the pair's lengths. */
  readonly lengths?: string | undefined;
}

/** Ends the process with the names that there are, for a pair that is none. */
export function longPair({ pair: name, draft, lengths }: Named): LongPair {
  if (!Object.hasOwn(ROWS, name)) {
    console.error(`--pair is one of ${Object.keys(ROWS).join(", ")}, not "${name}"`);
    process.exit(1);
  }
  const pair = pairNamed(name, knownPairs(MODELS));
  const row = ROWS[name as keyof typeof ROWS];
  return {
    ...row,
    pair,
    draft: draft ?? pair.draft!,
    lengths: lengths?.split(",").map(Number) ?? row.lengths,
    answers: path.join(pair.directory, row.answers),
  };
}
