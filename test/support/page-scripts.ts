/** The page's scripts that draw, which are JavaScript as browsers take it, with their types. They want a document. */
import type { Paper } from "./paper-document.ts";

export const { showMarkdown } = (await import("../../src/page/markdown.js" as string)) as {
  showMarkdown(element: Paper, text: string): void;
};

export interface Lane {
  readonly kind: string;
  text: string;
  readonly tokens: readonly unknown[];
}

export const { newLane } = (await import("../../src/page/lane.js" as string)) as { newLane(): Lane };

export const { TurnView } = (await import("../../src/page/draw.js" as string)) as {
  TurnView: new (
    turn: { readonly question: string; readonly lanes: readonly Lane[] },
    on: { traced(): boolean; drawn(): void },
  ) => { readonly element: Paper; begin(lane: Lane): void; grow(lane: Lane): void };
};
