/**
 * How a family of models is told of tools and writes calls of them: what its template takes, what its answers look like
 * when it must call, and how calls are read out of text that arrives in pieces. A new family is a file here and a row
 * in families.ts.
 */
import type { ConstraintSource } from "../grammar/source.ts";
import type { ChatMessage, ChatTool } from "../model/chat.ts";

/** A tool as a request offers it. */
export interface Tool extends ChatTool {
  /** Its calls always have arguments of its schema, also where the model need not call. */
  readonly strict: boolean;
}

/** What of an answer has become known. Calls are numbered from 0 in the order in which they come. */
export type AnswerDelta =
  | { readonly kind: "text"; readonly text: string }
  | { readonly kind: "call"; readonly index: number; readonly name: string }
  /** The next characters of a call's arguments, which are JSON. */
  | { readonly kind: "arguments"; readonly index: number; readonly text: string };

/** Reads one answer. What it tells does not depend on where its pieces are cut. */
export interface CallReader {
  /** Calls whose arguments have come to their end. */
  readonly ended: number;
  push(text: string): AnswerDelta[];
  /** Whatever was held back, since nothing more will come. */
  end(): AnswerDelta[];
}

/** What a chat template is given. */
export interface Conversation {
  readonly messages: readonly ChatMessage[];
  readonly tools: readonly ChatTool[];
}

export interface Family {
  /** Whether a chat template is one of this family's. */
  writes(template: string): boolean;
  /** What its templates take in another form than they are given; unless given, they take all as it is. */
  conversation?(given: Conversation): Conversation;
  reader(tools: readonly Tool[]): CallReader;
  /** Answers that call one of `tools`, or several one after the other. */
  calls(tools: readonly Tool[], several: boolean): ConstraintSource;
  /** Any answer whose calls of `tools`, all of them strict, have arguments of their schemas. */
  free(tools: readonly Tool[]): ConstraintSource;
}
