/**
 * What changes the target's logits before a token is chosen: biases, penalties, tokens that may not come. Each kind is
 * data that crosses the wire (`Shaping`) and a function of the tokens before a position (`Shaper`). It depends on
 * nothing else, so the argument of accept.ts holds: the target's own token is a function of the decided prefix, with
 * drafts on or off. The drafter shapes its own logits in the same way, so that its drafts stay likely.
 *
 *   logit → + bias → repetition → − presence, frequency → not allowed: −∞      then temperature, filters and noise
 *
 * The order is that of vLLM and of llama.cpp.
 */

import { hasToken, type Mask, maskOf } from "../model/token-mask.ts";
import type { Sampling } from "./types.ts";

/** The kinds, each absent where nothing is asked for. Plain data. */
export interface Shaping {
  /** Where the answer begins in the timeline. */
  readonly from: number;
  /** What is added to the logits of single tokens; null forbids a token. */
  readonly bias?: readonly (readonly [id: number, add: number | null])[] | undefined;
  /** The only tokens that may come. */
  readonly allowed?: readonly number[] | undefined;
  readonly repetition?: Repetition | undefined;
  readonly penalties?: Penalties | undefined;
  /** Tokens of the answer before which none comes that would end it. */
  readonly minTokens?: number | undefined;
}

/**
 * Divides the logit of a token that has come where it is positive, and multiplies it where it is negative (Keskar et
 * al. 2019, arXiv 1909.05858 §4.1). The prompt counts.
 */
export interface Repetition {
  readonly by: number;
  /** Tokens before the position that count; 0: all. */
  readonly last: number;
}

/** OpenAI's penalties: subtracted for a token of the answer, once, and each time that it has come. */
interface Penalties {
  readonly presence: number;
  readonly frequency: number;
}

export type ShapingKind = Exclude<keyof Shaping, "from">;

/** The kinds that a shaping asks for. */
export const kindsOf = (shaping: Shaping | undefined): ShapingKind[] =>
  (Object.keys(shaping ?? {}) as (keyof Shaping)[]).filter(
    (key): key is ShapingKind => key !== "from" && shaping?.[key] !== undefined,
  );

/** How a drafter draws: as the target does. */
export interface Choosing extends Sampling {
  readonly shapers?: Shapers | undefined;
}

/** What changes at one position. */
export interface Change {
  /** By token: its logit as a rising function of what the model gave. */
  readonly each?: ReadonlyMap<number, (logit: number) => number>;
  /** The tokens that may come. Absent: all may. */
  readonly mask?: Mask;
}

interface Shaper {
  /**
   * The change of the logits at position `before.length`; null where nothing changes.
   * @param before the timeline up to the position, drafted tokens included. Successive calls of one answer share the
   *   prompt; behind it, a call may hold fewer or other tokens than the one before
   */
  change(before: readonly number[]): Change | null;
}

/** What shapers know beside their own data. */
export interface Surroundings {
  /** Tokens that end the answer. */
  readonly stop: readonly number[];
}

/** How each kind is made. A new kind is a field of `Shaping` and of the wire's schema, a file, and a row here. */
const SHAPERS: {
  readonly [kind in ShapingKind]: (shaping: Shaping, surroundings: Surroundings) => Shaper;
} = {
  bias: ({ bias = [] }) => {
    const each = new Map(bias.map(([id, add]) => [id, add === null ? never : (logit: number) => logit + add] as const));
    return { change: () => ({ each }) };
  },
  repetition: ({ repetition }) => {
    const { by, last } = repetition!;
    const weaken = (logit: number) => (logit > 0 ? logit / by : logit * by);
    return {
      change: (before) => ({
        each: new Map((last > 0 ? before.slice(-last) : before).map((id) => [id, weaken] as const)),
      }),
    };
  },
  penalties: ({ penalties, from }) => {
    const { presence, frequency } = penalties!;
    return {
      change(before) {
        const counts = new Map<number, number>();
        for (const id of before.slice(from)) counts.set(id, (counts.get(id) ?? 0) + 1);
        const each = [...counts].map(([id, count]) => {
          const less = presence + frequency * count;
          return [id, (logit: number) => logit - less] as const;
        });
        return { each: new Map(each) };
      },
    };
  },
  minTokens: ({ minTokens = 0, from }, { stop }) => {
    const each = new Map(stop.map((id) => [id, never] as const));
    return { change: (before) => (before.length - from < minTokens ? { each } : null) };
  },
  allowed: ({ allowed = [] }) => {
    const mask = maskOf(allowed);
    return { change: () => ({ mask }) };
  },
};

/** What each kind is called where an engine cannot do it. */
export const KIND_WORDS: Readonly<Record<ShapingKind, string>> = {
  bias: "biases of tokens",
  repetition: "a repetition penalty",
  penalties: "presence and frequency penalties",
  minTokens: "a least number of tokens",
  allowed: "a list of allowed tokens",
};

/** All kinds, in the order in which they apply: that of the table. */
export const KINDS = Object.keys(SHAPERS) as ShapingKind[];

const never = (): number => Number.NEGATIVE_INFINITY;

/** What shapes one answer, all kinds together. */
export class Shapers {
  readonly #shapers: readonly Shaper[];

  private constructor(shapers: readonly Shaper[]) {
    this.#shapers = shapers;
  }

  /**
   * Undefined where nothing is to be shaped.
   * @param more shapers that need more than their data, applied last
   */
  static of(
    shaping: Shaping | undefined,
    surroundings: Surroundings,
    more: readonly Shaper[] = [],
  ): Shapers | undefined {
    const asked = new Set(kindsOf(shaping));
    const made = KINDS.filter((kind) => asked.has(kind)).map((kind) => SHAPERS[kind](shaping!, surroundings));
    return made.length + more.length > 0 ? new Shapers([...made, ...more]) : undefined;
  }

  /** What changes behind these tokens. */
  after(before: readonly number[]): Shape {
    return new Shape(this.#shapers.flatMap((shaper) => shaper.change(before) ?? []));
  }
}

/** The change of one position's logits. */
export class Shape {
  readonly #changes: readonly Change[];

  constructor(changes: readonly Change[]) {
    this.#changes = changes;
  }

  /** Whether nothing changes. */
  get isNone(): boolean {
    return this.#changes.length === 0;
  }

  /** Tokens whose logits change otherwise than by being forbidden by a mask. */
  get ids(): Set<number> {
    return new Set(this.#changes.flatMap(({ each }) => [...(each?.keys() ?? [])]));
  }

  /** A token's logit after the change. */
  logit(id: number, logit: number): number {
    let shaped = logit;
    for (const { each, mask } of this.#changes) {
      shaped = each?.get(id)?.(shaped) ?? shaped;
      if (mask && !hasToken(mask, id)) return Number.NEGATIVE_INFINITY;
    }
    return shaped;
  }

  /** Changes all logits in place: of every token, or of the tokens `ids`, one a row. */
  apply(logits: Float32Array, ids?: Uint32Array): void {
    for (const { each, mask } of this.#changes) {
      if (ids && each) for (const [row, id] of ids.entries()) change(logits, row, each.get(id));
      else if (each) for (const [id, how] of each) if (id < logits.length) change(logits, id, how);
      if (!mask) continue;
      for (let row = 0; row < logits.length; row++) {
        if (!hasToken(mask, ids ? ids[row]! : row)) logits[row] = Number.NEGATIVE_INFINITY;
      }
    }
  }
}

function change(logits: Float32Array, row: number, how: ((logit: number) => number) | undefined): void {
  if (how) logits[row] = how(logits[row]!);
}
