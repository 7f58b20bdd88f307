/** Texts and calls of an answer, put together from its deltas. */
import type { AnswerDelta } from "../../core/calls/family.ts";

/** A call as the model wrote it. */
interface AnswerCall {
  readonly kind: "call";
  readonly name: string;
  /** JSON, unless the answer was cut off in it or the model wrote something else. */
  readonly arguments: string;
}

export type Part = { readonly kind: "text"; readonly text: string } | AnswerCall;

export class AnswerContent {
  /** Texts and calls, in order. */
  readonly parts: readonly Part[];

  constructor(deltas: readonly AnswerDelta[]) {
    const parts: Part[] = [];
    for (const each of deltas) {
      const last = parts.at(-1);
      if (each.kind === "call") parts.push({ kind: "call", name: each.name, arguments: "" });
      else if (each.kind === "arguments") {
        const at = parts.findLastIndex(({ kind }) => kind === "call");
        const call = parts[at] as AnswerCall;
        parts[at] = { ...call, arguments: call.arguments + each.text };
      } else if (last?.kind === "text") parts[parts.length - 1] = { kind: "text", text: last.text + each.text };
      else parts.push(each);
    }
    this.parts = parts;
  }

  get text(): string {
    return this.parts.map((part) => (part.kind === "text" ? part.text : "")).join("");
  }

  get calls(): readonly AnswerCall[] {
    return this.parts.filter((part) => part.kind === "call");
  }
}
