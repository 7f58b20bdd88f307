/**
 * The draft answering alone, in the place of an origin that cannot be reached. Only where the operator allows it, and
 * the answer says so. A Verifier, so that nothing downstream knows the difference: it keeps no drafts and decides a
 * token a step.
 */
import type { Llama } from "../../core/draft/llama.ts";
import { ShapedDraw } from "../../core/draft/shaped-draw.ts";
import { badLogits } from "../../core/speculate/sample.ts";
import type { Choosing } from "../../core/speculate/shaping.ts";
import type { Done, Verdict, Verifier } from "../../core/speculate/types.ts";
import type { SessionDraft } from "../draft/drafter.ts";

/** Tokens of a long prompt between two looks at the isolate's other work. */
const SLICE = 8;

export class DraftAlone implements Verifier {
  readonly asked = Promise.resolve();
  readonly ready = false;
  readonly #draft: SessionDraft;
  readonly #choosing: Choosing;
  /** Draws from the llama that is open. */
  #draw: ShapedDraw | undefined;
  #llama: Llama | undefined;
  readonly #stopIds: ReadonlySet<number>;
  readonly #timeline: number[];
  #left: number;
  #passes = 0;
  #closed = false;

  constructor(
    draft: SessionDraft,
    choosing: Choosing,
    stopIds: ReadonlySet<number>,
    timeline: readonly number[],
    maxTokens: number,
  ) {
    this.#draft = draft;
    this.#choosing = choosing;
    this.#stopIds = stopIds;
    this.#timeline = [...timeline];
    this.#left = maxTokens;
  }

  submit(): void {}

  async next(): Promise<Verdict | Done> {
    // One token at a time, with room for the isolate's other work in between.
    await scheduler.wait(0);
    const last = this.#timeline.at(-1) as number;
    if (this.#passes > 0 && this.#stopIds.has(last)) return { reason: "stop" };
    if (this.#closed || this.#left === 0) return { reason: "length" };
    const position = this.#timeline.length;
    const token = await this.#decide(position);
    this.#timeline.push(token);
    this.#left--;
    this.#passes++;
    return { position, kept: 0, tokens: [token], passes: this.#passes, scored: 0, stepMs: 0, waitMs: 0 };
  }

  async #decide(position: number): Promise<number> {
    try {
      const { llama, cache } = await this.#draft.open(this.#timeline, position);
      cache.cut(Math.min(cache.commonPrefix(this.#timeline), position - 1));
      while (position - cache.tokens.length > SLICE) {
        const at = cache.tokens.length;
        llama.forward(cache, this.#timeline.slice(at, at + SLICE), 0);
        await scheduler.wait(0);
        cache.cut(cache.commonPrefix(this.#timeline));
      }
      const logits = llama.forward(cache, this.#timeline.slice(cache.tokens.length), 1);
      // Another Session's trap may have made everybody load anew.
      if (this.#llama !== llama) this.#draw = new ShapedDraw(llama, this.#choosing);
      this.#llama = llama;
      const [drawn] = this.#draw!.draw(logits, this.#timeline, 1);
      if (!drawn) throw badLogits();
      return drawn.id;
    } catch (error) {
      this.#draft.failed(error, "draft alone:");
      throw error;
    }
  }

  close(): void {
    this.#closed = true;
  }
}
