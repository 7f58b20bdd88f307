/**
 * How far what a row of llama.cpp says depends on its company: the model writes answers one row at a time, and the same
 * tokens are then read again in passes of more rows, behind a prompt that was read in other slices, and beside another
 * sequence. Each way is compared with the first, position by position. A row that is the same to the bit differs by 0.
 */

import { readGgufMetadata } from "../../core/format/gguf.ts";
import { tokenizerFiles } from "../../core/format/gguf-tokenizer.ts";
import { openTokenizer } from "../../core/model/tokenizer.ts";
import { FileSource } from "../../core/platform/disk.ts";
import { type CacheType, findLlamaLibrary, type LibrarySequence } from "../../origin/engines/llama-library.ts";

/** Tokens of an answer: what the share of changed answers is counted in. */
export const ANSWER = 128;
const SLICE = 256;

/** Beginnings of code that the model goes on with. */
const BEGINNINGS = [
  "def merge_sorted(left, right):\n",
  "class LruCache:\n    def __init__(self, capacity):\n",
  "export function debounce(fn: () => void, ms: number) {\n",
  "func reverseWords(s string) string {\n",
  "fn is_prime(n: u64) -> bool {\n",
  "public static int levenshtein(String a, String b) {\n",
  "def parse_csv(text):\n    rows = []\n",
  "SELECT customer, SUM(total) FROM orders\n",
] as const;

/** How a context computes attention. */
export interface Attention {
  readonly flash: boolean;
  readonly values: CacheType;
}

/** One way to read the answers again. */
export interface Company {
  /** Positions of a pass. */
  readonly rows: number;
  /** Prompt tokens of a pass. */
  readonly slice?: number;
  /** Rows that another sequence has in the same pass. */
  readonly beside?: number;
}

interface Difference {
  readonly company: Company;
  readonly positions: number;
  /** Of the log probability of the token that was written, in nats. */
  readonly largest: number;
  readonly mean: number;
  /** Positions whose likeliest token is another. */
  readonly flips: number;
  /** Answers of 128 tokens with at least one of these. */
  readonly answers: number;
}

interface Row {
  readonly logprob: number;
  readonly likeliest: number;
}

interface Answer {
  readonly prompt: readonly number[];
  readonly tokens: readonly number[];
}

const QUESTION = { totalLogitWeight: true, options: { temperature: 0 } } as const;
const asking = (token: number, next: number) =>
  [
    token,
    { generateNext: { ...QUESTION, logits: { filter: { tokens: next < 0 ? [] : [next], includeTop: 1 } } } },
  ] as const;

/** An open model and two sequences of one context. */
export class Invariance {
  readonly #context: { dispose(): Promise<void> };
  readonly #sequence: LibrarySequence;
  readonly #other: LibrarySequence;
  readonly #beginnings: readonly (readonly number[])[];

  private constructor(
    context: { dispose(): Promise<void>; getSequence(): LibrarySequence },
    beginnings: readonly (readonly number[])[],
  ) {
    this.#context = context;
    this.#sequence = context.getSequence();
    this.#other = context.getSequence();
    this.#beginnings = beginnings;
  }

  /**
   * Loads a GGUF file once and runs `work` with each attention in turn.
   * Throws `library_missing`, and what reading the file throws.
   */
  static async each(
    file: string,
    { threads, gpu }: { threads: number; gpu: boolean },
    attentions: readonly Attention[],
    work: (attention: Attention, model: Invariance) => Promise<void>,
  ): Promise<void> {
    const library = await findLlamaLibrary();
    await using source = await FileSource.open(file);
    const tokenizer = openTokenizer(tokenizerFiles(source.name, await readGgufMetadata(source))["tokenizer.json"]);
    const beginnings = BEGINNINGS.map((text) => tokenizer.encode(text));
    const llama = await library.getLlama({
      gpu: gpu ? "auto" : false,
      build: "never",
      logLevel: "error",
      maxThreads: threads,
    });
    try {
      const model = await llama.loadModel({ modelPath: file, ...(llama.gpu === false && { gpuLayers: 0 as const }) });
      for (const attention of attentions) {
        const context = await model.createContext({
          contextSize: 4096,
          batchSize: 512,
          sequences: 2,
          threads,
          flashAttention: attention.flash,
          experimentalKvCacheValueType: attention.values,
        });
        const measured = new Invariance(context, beginnings);
        await work(attention, measured).finally(() => measured.#context.dispose());
      }
    } finally {
      await llama.dispose();
    }
  }

  /**
   * `count` answers of 128 tokens, greedily and one row at a time, each behind all before it; and what each way of
   * reading them again changes.
   */
  async *differences(count: number, companies: readonly Company[]): AsyncGenerator<Difference, void> {
    const written: Row[] = [];
    const answers: Answer[] = [];
    await this.#sequence.clearHistory();
    for (let n = 0; n < count; n++) {
      const prompt = this.#beginnings[n % this.#beginnings.length]!;
      await this.#read(prompt.slice(0, -1), SLICE);
      const tokens: number[] = [];
      for (let last = prompt.at(-1)!; tokens.length < ANSWER; last = tokens.at(-1)!) {
        const [row] = await this.#rows([asking(last, -1)], [-1]);
        tokens.push(row!.likeliest);
        written.push(row!);
      }
      answers.push({ prompt, tokens });
    }
    for (const company of companies) yield compared(company, written, await this.#again(answers, company));
  }

  /** The answers' rows, in passes of other rows. */
  async #again(answers: readonly Answer[], { rows, slice = SLICE, beside = 0 }: Company): Promise<Row[]> {
    const read: Row[] = [];
    await this.#sequence.clearHistory();
    await this.#other.clearHistory();
    for (const { prompt, tokens } of answers) {
      await this.#read(prompt.slice(0, -1), slice);
      const asked = [prompt.at(-1)!, ...tokens];
      for (let from = 0; from < tokens.length; from += rows) {
        const next = tokens.slice(from, from + rows);
        const pass = this.#rows(
          next.map((token, i) => asking(asked[from + i]!, token)),
          next,
        );
        // What is asked for in the same turn of the event loop goes into one pass.
        const others = beside > 0 ? this.#other.evaluateWithoutGeneratingNewTokens(next.slice(0, beside)) : null;
        read.push(...(await pass));
        await others;
      }
      // The answer's last token is held as it was when it was written: as the next prompt's first.
      await this.#other.clearHistory();
    }
    return read;
  }

  async #read(tokens: readonly number[], slice: number): Promise<void> {
    for (let from = 0; from < tokens.length; from += slice) {
      await this.#sequence.evaluateWithoutGeneratingNewTokens(tokens.slice(from, from + slice));
    }
  }

  async #rows(asked: readonly ReturnType<typeof asking>[], next: readonly number[]): Promise<Row[]> {
    const replies = await this.#sequence.controlledEvaluate(asked);
    return replies.map((reply, i) => {
      const logits = reply!.next.logits!;
      const [likeliest, highest] = [...logits].reduce((best, entry) => (entry[1] > best[1] ? entry : best));
      const logit = next[i]! < 0 ? highest : logits.get(next[i]!)!;
      return { likeliest, logprob: logit - highest - Math.log(reply!.next.totalLogitWeight!) };
    });
  }
}

function compared(company: Company, written: readonly Row[], again: readonly Row[]): Difference {
  const differences = again.map(({ logprob }, i) => Math.abs(logprob - written[i]!.logprob));
  const flipped = again.flatMap(({ likeliest }, i) => (likeliest === written[i]!.likeliest ? [] : [i]));
  return {
    company,
    positions: again.length,
    largest: Math.max(...differences),
    mean: differences.reduce((sum, difference) => sum + difference, 0) / differences.length,
    flips: flipped.length,
    answers: new Set(flipped.map((i) => Math.floor(i / ANSWER))).size,
  };
}
