/** An answer as a family reads it, in pieces. */
import { expect } from "vitest";
import type { AnswerDelta, Family, Tool } from "../../src/core/calls/family.ts";

/** Its text, and each call as `name arguments`. */
export function readCalls(family: Family, tools: readonly Tool[], answer: string, size: number) {
  const reader = family.reader(tools);
  const told: AnswerDelta[] = [];
  for (let at = 0; at < answer.length; at += size) told.push(...reader.push(answer.slice(at, at + size)));
  told.push(...reader.end());
  const calls: string[] = [];
  let text = "";
  for (const each of told) {
    if (each.kind === "text") text += each.text;
    else if (each.kind === "call") {
      expect(each.index).toBe(calls.length);
      calls.push(`${each.name} `);
    } else {
      expect(each.index).toBe(calls.length - 1);
      calls[each.index] += each.text;
    }
  }
  return { text, calls };
}
