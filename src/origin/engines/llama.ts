/**
 * The target in llama.cpp, through node-llama-cpp: GGUF models on CPU, CUDA, Metal or Vulkan. One context holds as many
 * sequences as sessions are kept. Passes of several sequences at once go through the model as one batch, which the
 * library collects.
 *
 *   timeline  p p p p a b c          held   p p p p a b x y      x y: a refused draft, erased before the next pass
 *   pass      c d1 d2 d3             asked  after c, d1, d2, d3
 *
 * ggml has different kernels for few rows and for many. So the engine measures at the start for which counts of rows a
 * row is the same to the bit (llama-rows.ts), and keeps to them where that is nearly free, or where `exact` asks for it
 * (docs/use/same-text.md has the prices).
 */
import { availableParallelism } from "node:os";
import { basename } from "node:path";
import { readGgufMetadata } from "../../core/format/gguf.ts";
import { ggufVocabulary } from "../../core/format/gguf-facts.ts";
import { tokenizerFiles } from "../../core/format/gguf-tokenizer.ts";
import { OutriderError } from "../../core/model/errors.ts";
import { modelId } from "../../core/model/model-id.ts";
import { openTokenizer, type Tokenizer } from "../../core/model/tokenizer.ts";
import { vocabularyHash } from "../../core/model/tokenizer-files.ts";
import { FileSource } from "../../core/platform/disk.ts";
import { accept, type Decision, type Scores, shapesOf } from "../../core/speculate/accept.ts";
import { KINDS } from "../../core/speculate/shaping.ts";
import { type Deciding, type EngineSequence, KV_CONTEXTS, type TargetEngine, Timeline } from "../engine.ts";
import { PASS_COSTS } from "../pass-costs.ts";
import { findLlamaLibrary, type LibrarySequence, llamaRemedy, type Question, type Reply } from "./llama-library.ts";
import { inquire, inquireAll, type Vocabulary } from "./llama-questions.ts";
import { type Kernels, kernels, type OpenContext, passesOf } from "./llama-rows.ts";

/** Prompt tokens of one call, and so the longest time that other sessions wait for it. */
const SLICE = 256;

interface LlamaOptions {
  /** Sequences that can be open at once. */
  readonly sequences: number;
  /** Tokens of key/value memory for all sequences together; null makes it four whole contexts. */
  readonly kvTokens: number | null;
  readonly maxDraft: number;
  /** False keeps to the CPU. */
  readonly gpu: boolean;
  /** Null: one for each core but `spareCores`. The library itself takes four at least, and on two cores they wait. */
  readonly threads: number | null;
  readonly spareCores?: number;
  /**
   * Every row the same to the bit, whatever is computed beside it and however the prompt is read, at the price that
   * `docs/use/same-text.md` names. Without it drafts change no row where that is nearly free, and prompts are read at full
   * speed.
   */
  readonly exact?: boolean;
}

/**
 * Loads a GGUF file. Throws `library_missing`, `unsupported_model` for a file without tokens, `bad_option` for too
 * little key/value memory, `engine_failed` for what llama.cpp refuses.
 */
export async function loadLlamaCpp(file: string, options: LlamaOptions): Promise<TargetEngine> {
  const library = await findLlamaLibrary();
  const table = await tokensOf(file);
  const { maxDraft, sequences, spareCores = 0, exact = false } = options;
  const llama = await library
    .getLlama({
      gpu: options.gpu ? "auto" : false,
      build: "never",
      logLevel: "error",
      ...(options.threads !== null && { maxThreads: options.threads }),
    })
    .catch(failed(`node-llama-cpp does not run on this machine; ${llamaRemedy()}`));
  const cores = Math.min(llama.cpuMathCores, availableParallelism());
  const threads = options.threads ?? Math.max(1, cores - spareCores);
  if (llama.gpu === false) llama.maxThreads = threads;
  const model = await llama
    .loadModel({ modelPath: file, ...(llama.gpu === false && { gpuLayers: 0 as const }) })
    .catch(failed(`llama.cpp cannot load ${basename(file)}`));
  const kvTokens = options.kvTokens ?? KV_CONTEXTS * model.trainContextSize;
  const contextSize = Math.min(model.trainContextSize, Math.floor(kvTokens / sequences));
  if (contextSize < 2 * maxDraft) {
    throw new OutriderError(
      "bad_option",
      `${kvTokens} tokens of key/value memory for ${sequences} sessions leave ${contextSize} each; ` +
        "give more with --kv-tokens, or fewer sessions with --max-sessions",
    );
  }
  const open: OpenContext = (values, pack) =>
    model
      .createContext({
        contextSize,
        batchSize: 512,
        sequences,
        flashAttention: "auto",
        threads,
        experimentalKvCacheValueType: values,
        ...(pack && { batching: { itemPrioritizationStrategy: pack } }),
      })
      .catch(failed("llama.cpp cannot allocate memory for the sessions; give less with --kv-tokens"));
  const how = await kernels(open, {
    threads: llama.gpu === false ? threads : null,
    exact,
    contextSize,
  });
  const context = await open(how.values, how.apart ? passesOf(how.rows.most, exact) : undefined);
  const held = Array.from({ length: sequences }, () => context.getSequence());
  const vocabulary = { V: table.length, model, newBias: () => new library.TokenBias(model.tokenizer) };
  const hash = await vocabularyHash(table);
  return {
    name: "llama",
    model: modelId(file),
    vocabulary: { size: table.length, hash, tokenizer: () => tokenizerOf(file) },
    // The library keeps one cell free.
    context: contextSize - 1,
    capabilities: {
      siblings: false,
      shapes: KINDS,
      logprobs: true,
      rules: ["exact", "bild"],
      maxDraft,
      capacity: sequences,
      cost: () => 1,
      drafted: () => true,
    },
    passCost: llama.gpu === false ? PASS_COSTS.cpu : llama.gpu === "metal" ? PASS_COSTS.metal : PASS_COSTS.llamacpp4,
    hardware: `${llama.gpu === false ? `the processor, ${threads} of ${cores} cores` : `the GPU (${llama.gpu})`}; ${how.same}`,
    open() {
      const sequence = held.pop();
      if (!sequence) throw new OutriderError("kv_full", "no sequence is free", { status: 503, retryable: true });
      return new LlamaSequence(sequence, vocabulary, how, () => held.push(sequence));
    },
    async close() {
      await context.dispose();
      await llama.dispose();
    },
  };
}

class LlamaSequence extends Timeline implements EngineSequence {
  readonly #held: LibrarySequence;
  readonly #vocabulary: Vocabulary;
  readonly #kernels: Kernels;
  readonly #giveBack: () => void;

  constructor(held: LibrarySequence, vocabulary: Vocabulary, kernels: Kernels, giveBack: () => void) {
    super();
    this.#held = held;
    this.#vocabulary = vocabulary;
    this.#kernels = kernels;
    this.#giveBack = giveBack;
  }

  async prefill(): Promise<boolean> {
    await this.#align();
    const at = this.#held.nextTokenIndex;
    const left = this.timeline.length - 1 - at;
    if (left < (this.#kernels.apart ? 1 : SLICE)) return false;
    await this.#held
      .evaluateWithoutGeneratingNewTokens(this.timeline.slice(at, at + Math.min(left, SLICE)))
      .catch(failed("llama.cpp failed at the prompt"));
    return true;
  }

  async decide(draft: readonly number[], deciding: Deciding): Promise<Decision> {
    const { sampling, rule, stop, shapers, logprobs } = deciding;
    while (await this.prefill());
    const position = this.timeline.length;
    const asked = [this.timeline.at(-1)!, ...draft];
    const wanted = (i: number) => (rule.kind === "bild" ? draft[i] : undefined);
    const shapes = shapesOf(shapers, this.timeline, draft);
    const inquiries = asked.map((_, i) =>
      shapes || logprobs !== undefined
        ? inquireAll(this.#vocabulary, sampling, position + i, shapes?.(i))
        : inquire(this.#vocabulary, sampling, position + i, wanted(i)),
    );
    const silent = this.timeline.slice(this.#held.nextTokenIndex, -1);
    const questions = asked.map((token, i) => [token, { generateNext: inquiries[i]!.question }] as const);
    const replies = await this.#ask(silent, questions);
    /** Own tokens of rows whose reply left them open. */
    const fromAll = new Map<number, number | null>();
    const scores: Scores = {
      own: (i) => (fromAll.has(i) ? fromAll.get(i)! : inquiries[i]!.own(replies[i]!)),
      recycles: !shapes && logprobs === undefined,
      logProbability: (i, token) => inquiries[i]!.logProbability!(replies[i]!, token),
      ...(logprobs !== undefined && { tell: (i, token) => inquiries[i]!.tell!(replies[i]!, token, logprobs) }),
    };
    for (let passes = 1; ; passes++) {
      const { open, ...decision } = accept(scores, draft, rule, stop);
      if (open === undefined || fromAll.has(open)) {
        this.append(decision.tokens);
        return { ...decision, passes };
      }
      // The draft behind an open row was computed already and goes on with its token.
      fromAll.set(open, await this.#ownFromAll([...this.timeline, ...draft.slice(0, open)], sampling));
    }
  }

  close(): void {
    this.#giveBack();
  }

  /** The target's own token after `before`, from a second pass over the last of these for all of its logits. */
  async #ownFromAll(before: readonly number[], sampling: Deciding["sampling"]): Promise<number | null> {
    await this.#held.adaptStateToTokens(before.slice(0, -1), false);
    const { question, own } = inquireAll(this.#vocabulary, sampling, before.length);
    // A row before it may have been asked about so: then less than `before` is held.
    const silent = before.slice(this.#held.nextTokenIndex, -1);
    const [reply] = await this.#ask(silent, [[before.at(-1)!, { generateNext: question }]]);
    return own(reply!);
  }

  /** Where a single row differs from many, its token stands behind it again, and is erased as a refused one is. */
  async #ask(
    silent: readonly number[],
    asked: readonly (readonly [token: number, options: { generateNext: Question }])[],
  ): Promise<readonly Reply[]> {
    const input = [...silent, ...asked];
    const filling = input.length < this.#kernels.rows.least ? asked.map(([token]) => token) : [];
    const replies = await this.#held
      .controlledEvaluate([...input, ...filling])
      .catch(failed("llama.cpp failed at a pass"));
    return replies.slice(silent.length, input.length) as Reply[];
  }

  /** Erases what is held beyond the timeline's last token but one. */
  #align(): Promise<void> {
    return this.#held.adaptStateToTokens(this.timeline.slice(0, -1), false);
  }
}

/** The vocabulary, which a draft's pack has from a file of the same model. */
async function tokensOf(file: string): Promise<readonly string[]> {
  await using source = await FileSource.open(file);
  return ggufVocabulary(source.name, await readGgufMetadata(source));
}

async function tokenizerOf(file: string): Promise<Tokenizer> {
  await using source = await FileSource.open(file);
  return openTokenizer(tokenizerFiles(source.name, await readGgufMetadata(source))["tokenizer.json"]);
}

const failed = (what: string) => (cause: unknown) => {
  throw new OutriderError("engine_failed", `${what}: ${cause instanceof Error ? cause.message : cause}`, {
    status: 502,
    retryable: true,
    cause,
  });
};
