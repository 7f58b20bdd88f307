/**
 * Tools in one answer: what form it must have so that calls are what was asked for, how its calls are read, and whether
 * they came out right. How a model writes calls is its family's (src/core/calls).
 */
import { argumentsOf } from "../../core/calls/arguments.ts";
import type { AnswerDelta, CallReader, Family, Tool } from "../../core/calls/family.ts";
import { faultOf } from "../../core/grammar/check.ts";
import { type ConstraintSource, REFUSALS } from "../../core/grammar/source.ts";
import { OutriderError } from "../../core/model/errors.ts";
import type { AnswerContent } from "./answer-content.ts";
import type { Offer } from "./tools.ts";

/** Reads the calls of one answer. */
export class Reading {
  readonly #reader: CallReader;
  readonly #several: boolean;
  #count = 0;

  constructor(reader: CallReader, several: boolean) {
    this.#reader = reader;
    this.#several = several;
  }

  /** Calls that have begun. */
  get count(): number {
    return this.#count;
  }

  /** Whether the answer has made the one call that it may make. */
  get over(): boolean {
    return !this.#several && this.#reader.ended > 0;
  }

  push(text: string): AnswerDelta[] {
    return this.#counted(this.#reader.push(text));
  }

  end(): AnswerDelta[] {
    return this.#counted(this.#reader.end());
  }

  #counted(deltas: readonly AnswerDelta[]): AnswerDelta[] {
    const own: AnswerDelta[] = [];
    for (const each of deltas) {
      // One piece may hold more than the one call.
      if (!this.#several && this.#count > 0 && (each.kind !== "arguments" || each.index > 0)) break;
      if (each.kind === "call") this.#count++;
      own.push(each);
    }
    return own;
  }
}

export class Calling {
  readonly #offer: Offer;
  readonly #family: Family;
  /** The form that the answer's text must have, where it makes no calls. */
  readonly #form: ConstraintSource | null;

  constructor(offer: Offer, family: Family, form: ConstraintSource | null) {
    this.#offer = offer;
    this.#family = family;
    this.#form = form;
  }

  reading(): Reading {
    return new Reading(this.#family.reader(this.#offer.tools), this.#offer.several);
  }

  /** What the answer must be; null: any text. */
  get constraint(): ConstraintSource | null {
    const { several, tools } = this.#offer;
    const family = this.#family;
    if (this.#isRequired) return family.calls(this.#enforced, several);
    // A text of a form has no room for calls, so the answer is either.
    if (this.#form) return { kind: "either", of: [family.calls(tools, several), this.#form] };
    return this.#enforced.length > 0 ? family.free(this.#enforced) : null;
  }

  /** What is wrong with an answer that came to its own end, in words. */
  fault({ text, calls }: AnswerContent): string | null {
    if (calls.length === 0) {
      if (this.#isRequired) return "it calls nothing";
      return this.#form && faultOf(this.#form, text);
    }
    for (const call of calls) {
      const tool = this.#enforced.find(({ name }) => name === call.name);
      const fault = tool && faultOf(argumentsOf(tool), call.arguments);
      if (fault) return `in the arguments of ${call.name}, ${fault}`;
    }
    return null;
  }

  /** Whether the tools alone are why the answer has a form. */
  get isAsked(): boolean {
    return this.#form === null;
  }

  /** Runs what compiles the constraint, and names the tools in what that refuses. */
  async refused<T>(compile: () => Promise<T>): Promise<T> {
    try {
      return await compile();
    } catch (error) {
      if (!(error instanceof OutriderError) || !REFUSALS.includes(error.code) || this.#form) throw error;
      const next = this.#isRequired ? 'or send tool_choice "auto"' : "or leave strict out";
      const message = `tools: ${error.message}; change the parameters, ${next}`;
      throw new OutriderError(error.code, message, { param: "tools", cause: error });
    }
  }

  get #isRequired(): boolean {
    return this.#offer.choice !== "auto";
  }

  /** Tools whose calls have arguments of their schemas, and that may be called where one must. */
  get #enforced(): readonly Tool[] {
    const { tools, choice } = this.#offer;
    if (typeof choice === "object") return tools.filter(({ name }) => name === choice.named);
    return choice === "required" || this.#form ? tools : tools.filter(({ strict }) => strict);
  }
}
