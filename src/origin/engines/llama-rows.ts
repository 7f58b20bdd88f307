/**
 * Rows of a pass whose results do not depend on how many they are. A pass of llama.cpp computes a row for each position,
 * and ggml has other kernels for few rows than for many: on a processor its packed 4-bit weights are multiplied four
 * rows at a time, whose activations are rounded otherwise, and what is left over one at a time. A token then depends on
 * the draft behind it. Where rows are kept to a number for which one kernel is used, a row is the same to the bit.
 */
import type { BatchItem, CacheType, LibraryContext, LibrarySequence, PrioritizedItem } from "./llama-library.ts";

/** Counts of rows that give a row the same bits: `least` to `most`. */
interface Rows {
  readonly least: 1 | 2;
  /** Infinity where a row never depends on the others. */
  readonly most: number;
}

const ANY_ROWS: Rows = { least: 1, most: Number.POSITIVE_INFINITY };

/** Counts of rows that are tried: below and at the widths of ggml's kernels, and twice that. */
const TRIED = [1, 2, 3, 4, 8] as const;
/** Keys behind which a GPU's rows are compared, since its attention changes with their number. */
const MANY_KEYS = 1024;
/** Keys that the threads of a processor do not share out for a single row. */
const SHARED_KEYS = 256;
/** Fewest rows that are worth drafting for: a limit below would cost more than it keeps. */
const LEAST_MOST = 3;
/** Most rows of one call that may be a draft's, and not a slice of a prompt. */
const DRAFT_ROWS = 64;
/** Positions that are compared. */
const POSITIONS = 8;
/** Likeliest tokens whose logits are compared, beside the sum over all. */
const LIKELIEST = 4;

/**
 * What one position says, exactly: the likeliest tokens with their logits, and the weight of all. Two positions with the
 * same fingerprint have the same logits as far as anybody can tell.
 */
async function fingerprints(
  sequence: LibrarySequence,
  behind: readonly number[],
  tokens: readonly number[],
  rows: number,
): Promise<string[]> {
  const question = {
    logits: { filter: { tokens: [], includeTop: LIKELIEST } },
    totalLogitWeight: true,
    options: { temperature: 0 },
  };
  await sequence.clearHistory();
  if (behind.length > 0) await sequence.evaluateWithoutGeneratingNewTokens(behind);
  const read: string[] = [];
  for (let from = 0; from < tokens.length; from += rows) {
    const asked = tokens.slice(from, from + rows).map((token) => [token, { generateNext: question }] as const);
    for (const reply of await sequence.controlledEvaluate(asked)) {
      read.push(JSON.stringify([[...reply!.next.logits!], reply!.next.totalLogitWeight]));
    }
  }
  return read;
}

/**
 * Measures for which counts of rows a row of this model has the same bits on this machine: some thirty rows, which on a
 * processor take as long as reading so many tokens of a prompt. The cheapest answer is taken that was not refuted: any
 * count; any but one; at most three, or two; one.
 * @param sequence of a context that computes each call as a pass of its own
 * @param behind tokens that are read first, for attention that changes where keys are many
 */
async function measuredRows(sequence: LibrarySequence, behind: readonly number[] = []): Promise<Rows> {
  // Which tokens these are matters little: each row's activations are rounded anew in each layer.
  const tokens = Array.from({ length: POSITIONS }, (_, i) => 100 + 7 * i);
  const read = new Map<number, readonly string[]>();
  for (const rows of TRIED) {
    // The rows behind the last whole pass would be a pass of another count.
    const whole = tokens.slice(0, POSITIONS - (POSITIONS % rows));
    read.set(rows, await fingerprints(sequence, behind, whole, rows));
  }
  await sequence.clearHistory();
  const same = (a: number, b: number) => read.get(b)!.every((print, i) => print === (read.get(a)![i] ?? print));
  const upTo = (least: number) => {
    const refuted = TRIED.find((rows) => rows > least && !same(least, rows));
    return refuted === undefined ? Number.POSITIVE_INFINITY : TRIED[TRIED.indexOf(refuted) - 1]!;
  };
  const most = upTo(1);
  if (most === Number.POSITIVE_INFINITY) return ANY_ROWS;
  if (upTo(2) === Number.POSITIVE_INFINITY) return { least: 2, most: Number.POSITIVE_INFINITY };
  return { least: 1, most };
}

/**
 * The type of the values and the counts of rows to use. On a processor flash attention has other ways for a single row,
 * whose keys the threads share out, and for the many rows of a prompt, which are computed in tiles. Values of another
 * type than the keys keep it to one way, at the price that a prompt of a thousand tokens takes half as long again.
 */
export async function kernels(open: OpenContext, { threads, exact, contextSize }: Surroundings): Promise<Kernels> {
  const onProcessor = threads !== null;
  if (!onProcessor && !exact) return AS_THEY_COME;
  const values = onProcessor && exact ? await narrowest(open) : "F16";
  const context = await open(values);
  const behind = onProcessor ? 0 : Math.min(MANY_KEYS, contextSize - DRAFT_ROWS);
  const keys = Array.from({ length: behind }, (_, i) => 100 + (i % 97));
  const rows = await measuredRows(context.getSequence(), keys).finally(() => context.dispose());
  if (exact) return { values, rows, apart: true, same: "every row the same to the bit" };
  if (rows.least > 1 || rows.most < LEAST_MOST) return AS_THEY_COME;
  const length = threads === 1 ? "" : ` up to ${SHARED_KEYS} keys, and may turn near-ties beyond`;
  return { values, rows, apart: true, same: `drafts change no bit${length}` };
}

/** Values in 8 bits, half of what 16 take; a model whose heads are no whole blocks of 32 keeps 16 of another type. */
async function narrowest(open: OpenContext): Promise<CacheType> {
  try {
    await (await open("Q8_0")).dispose();
    return "Q8_0";
  } catch {
    return "BF16";
  }
}

/** Opens a context with values of a type; `pack` says what goes into a pass, unless the library does. */
export type OpenContext = (values: CacheType, pack?: ReturnType<typeof passesOf>) => Promise<LibraryContext>;

interface Surroundings {
  /** Threads of the processor; null on a GPU. */
  readonly threads: number | null;
  readonly exact: boolean;
  readonly contextSize: number;
}

export interface Kernels {
  readonly values: CacheType;
  readonly rows: Rows;
  /** Whether a prompt is read apart from the pass behind it, so that no row of it depends on that pass's draft. */
  readonly apart: boolean;
  /** What the text depends on, in words. */
  readonly same: string;
}

const AS_THEY_COME: Kernels = { values: "F16", rows: ANY_ROWS, apart: false, same: "drafts may turn near-ties" };

/**
 * How the library puts what waits into one pass: of `most` rows at most. Unless `exact`, a slice of a prompt is read as
 * a whole, in a pass of its own: its rows then depend on nobody else's either.
 */
export const passesOf =
  (most: number, exact: boolean) =>
  ({ items, size }: { readonly items: readonly BatchItem[]; readonly size: number }): PrioritizedItem[] => {
    const isSlice = ({ tokens }: BatchItem) => !exact && tokens.length > DRAFT_ROWS;
    const [first] = items;
    if (!first) return [];
    if (isSlice(first)) return [{ item: first, processAmount: Math.min(first.tokens.length, size) }];
    const pass: PrioritizedItem[] = [];
    let left = Math.min(most, size);
    for (const item of items) {
      if (left === 0) break;
      if (isSlice(item)) continue;
      const processAmount = Math.min(item.tokens.length, left);
      pass.push({ item, processAmount });
      left -= processAmount;
    }
    return pass;
  };
