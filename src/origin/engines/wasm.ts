/**
 * The target on the project's own kernels, in one thread: no GPU, no native code, runs in Node and in a Worker.
 * One pass is one forward over what the cache lacks and the draft, with a row of logits for each position to decide.
 *
 *   timeline  p p p p p p a b c     cache  p p p p p p a b       the last token is never cached before a pass
 *   pass      c d1 d2 d3            rows   after c, d1, d2, d3   d1 d2 kept: cache … c d1 d2, timeline … c d1 d2 own
 *                    s2                    and after s2          d1 s2 kept: cache … c d1, timeline … c d1 s2 own
 *
 * Passes are synchronous inside, so sessions take turns. KV pages come from the model's pool. When the pool runs out,
 * it takes the pages of the least recently used sequence, which then prefills again. The gateway admits only as many
 * sequences at once as the pool can hold.
 */
import type { Llama } from "../../core/draft/llama.ts";
import { PAGE_TOKENS } from "../../core/kernels/abi.ts";
import { commonPrefix } from "../../core/model/common-prefix.ts";
import { OutriderError } from "../../core/model/errors.ts";
import { isTrimmed } from "../../core/model/token-rows.ts";
import { openTokenizer } from "../../core/model/tokenizer.ts";
import { accept, type Decision, fullScores, positionsOf, shapesOf } from "../../core/speculate/accept.ts";
import { KINDS } from "../../core/speculate/shaping.ts";
import type { Sibling } from "../../core/speculate/types.ts";
import {
  type Capabilities,
  type Deciding,
  type EngineSequence,
  type TargetEngine,
  type TargetVocabulary,
  Timeline,
} from "../engine.ts";
import { PASS_COSTS } from "../pass-costs.ts";

/** Prompt tokens between two looks at the event loop. */
const SLICE = 32;

/** Longest draft in tokens: a row of logits more takes as many f32 as the vocabulary has tokens, within 128 MB. */
export const WASM_DRAFT = 15;

export class WasmEngine implements TargetEngine {
  readonly name = "wasm";
  readonly model: string;
  readonly vocabulary: TargetVocabulary;
  readonly context: number;
  readonly capabilities: Capabilities;
  readonly passCost = PASS_COSTS.cpu;
  readonly #llama: Llama;

  /**
   * `llama` was loaded for maxDraft + 1 rows of logits. Throws `trimmed_target` for a model that lacks tokens.
   * @param tokenizerJson reads the text of the pack's tokenizer.json
   */
  constructor(llama: Llama, maxDraft: number, tokenizerJson?: () => Promise<string>) {
    const { model, vocabulary, config } = llama.header;
    if (isTrimmed(llama.header)) {
      throw new OutriderError(
        "trimmed_target",
        `${model} has ${config.vocabulary} of ${vocabulary.size} tokens: it can only draft; serve its target`,
      );
    }
    this.model = model;
    this.vocabulary = { ...vocabulary, ...(tokenizerJson && { tokenizer: reader(tokenizerJson) }) };
    this.context = Math.min(config.context, llama.pool.pages * PAGE_TOKENS);
    this.capabilities = {
      rules: ["exact", "bild"],
      maxDraft,
      siblings: true,
      shapes: KINDS,
      logprobs: true,
      capacity: llama.pool.pages,
      cost: (tokens) => Math.ceil(tokens / PAGE_TOKENS),
      serial: true,
      drafted: () => true,
    };
    this.#llama = llama;
  }

  open(): EngineSequence {
    return new WasmSequence(this.#llama);
  }
}

const reader = (tokenizerJson: () => Promise<string>) => async () => openTokenizer(await tokenizerJson());

class WasmSequence extends Timeline implements EngineSequence {
  readonly #llama: Llama;
  readonly #cache: ReturnType<Llama["newCache"]>;

  constructor(llama: Llama) {
    super();
    this.#llama = llama;
    this.#cache = llama.newCache();
  }

  override cut(length: number): void {
    super.cut(length);
    this.#cache.cut(length);
  }

  async prefill(): Promise<boolean> {
    const at = this.#cache.tokens.length;
    if (this.timeline.length - at <= SLICE) return false;
    this.#forward(this.timeline.slice(at, at + SLICE), 0);
    return true;
  }

  async decide(
    draft: readonly number[],
    { sampling, rule, stop, shapers, logprobs }: Deciding,
    siblings: readonly Sibling[] = [],
  ): Promise<Decision> {
    const position = this.timeline.length;
    this.#cache.cut(position - 1);
    const tokens = [...this.timeline.slice(this.#cache.tokens.length), ...draft];
    const start = tokens.length - draft.length;
    const nodes = siblings.map(({ at, id }) => ({ at: start + at, id }));
    const rows = this.#forward(tokens, draft.length + 1, nodes);
    const positions = positionsOf(position, draft.length, siblings);
    const shapes = shapesOf(shapers, this.timeline, draft, siblings);
    const scores = fullScores(rows, rows.length / positions.length, sampling, positions, shapes, logprobs);
    const decision = accept(scores, draft, rule, stop, siblings);
    this.#cache.cut(position + Math.min(decision.kept, commonPrefix(decision.tokens, draft)));
    this.append(decision.tokens);
    return decision;
  }

  close(): void {
    this.#cache.release();
  }

  #forward(tokens: readonly number[], rows: number, siblings: readonly Sibling[] = []): Float32Array {
    try {
      return this.#llama.forward(this.#cache, tokens, rows, siblings);
    } catch (error) {
      if (!(error instanceof WebAssembly.RuntimeError)) throw error;
      // A trapped instance stays broken; only a fresh one helps.
      throw new OutriderError("engine_trapped", `the wasm engine trapped: ${error.message}; restart the origin`, {
        status: 500,
        cause: error,
      });
    }
  }
}
