/**
 * How a family of models writes calls of tools: what its answers look like when it must call, and how calls are read
 * out of text that arrives in pieces. A new family is a file here and a row in families.ts.
 */
import type { ConstraintSource } from "../grammar/source.ts";
import type { ChatTool } from "../model/chat.ts";

/** What of an answer has become known. Calls are numbered from 0 in the order in which they come. */
export type Told =
  | { readonly kind: "text"; readonly text: string }
  | { readonly kind: "call"; readonly index: number; readonly name: string }
  /** The next characters of a call's arguments, which are JSON. */
  | { readonly kind: "arguments"; readonly index: number; readonly text: string };

/** Reads one answer. What it tells does not depend on where its pieces are cut. */
export interface CallReader {
  push(text: string): Told[];
  /** Whatever was held back, since nothing more will come. */
  end(): Told[];
}

export interface Family {
  /** Whether a chat template is one of this family's. */
  writes(template: string): boolean;
  reader(tools: readonly ChatTool[]): CallReader;
  /** Answers that call one of `tools`, or several one after the other. */
  calls(tools: readonly ChatTool[], several: boolean): ConstraintSource;
}
