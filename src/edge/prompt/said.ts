/** What an answer has said, put together from what was told of it. */
import type { Told } from "../../core/calls/family.ts";

/** A call as the model wrote it. */
export interface SaidCall {
  readonly kind: "call";
  readonly name: string;
  /** JSON, unless the answer was cut off in it or the model wrote something else. */
  readonly arguments: string;
}

export type Part = { readonly kind: "text"; readonly text: string } | SaidCall;

export class Said {
  /** Texts and calls, in order. */
  readonly parts: readonly Part[];

  constructor(told: readonly Told[]) {
    const parts: Part[] = [];
    for (const each of told) {
      const last = parts.at(-1);
      if (each.kind === "call") parts.push({ kind: "call", name: each.name, arguments: "" });
      else if (each.kind === "arguments") {
        const at = parts.findLastIndex(({ kind }) => kind === "call");
        const call = parts[at] as SaidCall;
        parts[at] = { ...call, arguments: call.arguments + each.text };
      } else if (last?.kind === "text") parts[parts.length - 1] = { kind: "text", text: last.text + each.text };
      else parts.push(each);
    }
    this.parts = parts;
  }

  get text(): string {
    return this.parts.map((part) => (part.kind === "text" ? part.text : "")).join("");
  }

  get calls(): readonly SaidCall[] {
    return this.parts.filter((part) => part.kind === "call");
  }
}
