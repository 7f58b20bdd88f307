/**
 * A constraint along one answer. What may follow is a function of the answer's tokens alone, so it is the same with
 * drafts on and off.
 */
import { addToken, type Mask } from "../model/token-mask.ts";
import type { Constraint } from "./constraint.ts";
import type { State } from "./machine.ts";

/** States of the answer's last tokens that are kept: drafts go back so far at most, and one state may be large. */
const MAX_STATES = 96;
/** Stacks of these states together at most. */
const MAX_STACKS = 16_384;

export class Following {
  readonly #constraint: Constraint;
  readonly #from: number;
  readonly #stop: readonly number[];
  /** The last mask to which the tokens that end an answer were added, and what came of it. */
  #ended: { readonly of: Mask; readonly mask: Mask } | null = null;
  /** The answer's tokens as of the last call. */
  #tokens: number[] = [];
  /** The states behind its last tokens, the first of them behind `#before` tokens. */
  #states: (State | null)[];
  #before = 0;

  /**
   * @param from where the answer begins in the timeline
   * @param stop tokens that end an answer, the usual one first
   */
  constructor(constraint: Constraint, from: number, stop: readonly number[]) {
    this.#constraint = constraint;
    this.#from = from;
    this.#stop = stop;
    this.#states = [constraint.start];
  }

  /** The state behind a timeline; null where its answer is none that the constraint takes. */
  state(timeline: readonly number[]): State | null {
    const length = Math.max(0, timeline.length - this.#from);
    let common = 0;
    while (common < Math.min(length, this.#tokens.length)) {
      if (this.#tokens[common] !== timeline[this.#from + common]) break;
      common++;
    }
    // What lies further back is read again.
    if (common < this.#before) common = this.#begin();
    this.#tokens.length = common;
    this.#states.length = common - this.#before + 1;
    for (let at = common; at < length; at++) {
      const token = timeline[this.#from + at]!;
      const state = this.#states.at(-1);
      this.#tokens.push(token);
      this.#states.push(state ? this.#constraint.after(state, token) : null);
      if (this.#states.length > MAX_STATES) this.#shorten();
    }
    return this.#states.at(-1) ?? null;
  }

  #begin(): number {
    this.#states = [this.#constraint.start];
    this.#before = 0;
    return 0;
  }

  /** Keeps the later half of the states, and of those no more than have so many stacks. */
  #shorten(): void {
    let stacks = 0;
    let kept = 0;
    while (kept < MAX_STATES / 2) {
      stacks += this.#states.at(-1 - kept)?.stacks.length ?? 0;
      if (kept > 0 && stacks > MAX_STACKS) break;
      kept++;
    }
    this.#before += this.#states.length - kept;
    this.#states = this.#states.slice(-kept);
  }

  /** Which tokens may follow a timeline; a shaper of the target's logits, and of the drafter's. */
  change(timeline: readonly number[]): { readonly mask: Mask } {
    const state = this.state(timeline);
    if (!state) return { mask: NOTHING };
    const mask = this.#constraint.mask(state);
    return { mask: state.accepting ? this.#withEnd(mask) : mask };
  }

  /** Whether a token may follow a timeline. */
  takes(timeline: readonly number[], token: number): boolean {
    const state = this.state(timeline);
    if (!state) return false;
    return this.#stop.includes(token) ? state.accepting : this.#constraint.after(state, token) !== null;
  }

  /**
   * The only token that may follow; where nothing but the end may, the usual token for it. Null where there is a
   * choice.
   */
  only(timeline: readonly number[]): number | null {
    const state = this.state(timeline);
    if (!state) return null;
    return this.#constraint.isOver(state) ? (this.#stop[0] ?? null) : this.#constraint.single(state);
  }

  /** The bytes that must follow. */
  forced(timeline: readonly number[]): Uint8Array {
    const state = this.state(timeline);
    return state ? this.#constraint.forced(state) : new Uint8Array();
  }

  #withEnd(mask: Mask): Mask {
    if (this.#ended?.of === mask) return this.#ended.mask;
    const ended = mask.slice();
    for (const id of this.#stop) addToken(ended, id);
    this.#ended = { of: mask, mask: ended };
    return ended;
  }
}

const NOTHING: Mask = new Uint32Array();
