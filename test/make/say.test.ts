/** What the user is told before a draft is made. */
import { expect, test } from "vitest";
import type { DraftOptions } from "../../src/tools/make/options.ts";
import { describeWork } from "../../src/tools/make/say.ts";
import type { Base } from "../../src/tools/make/shape.ts";

const BASE: Base = {
  config: {
    layers: 4,
    heads: 4,
    kvHeads: 2,
    headSize: 16,
    embedding: 64,
    feedForward: 128,
    vocabulary: 1000,
    context: 1024,
    ropeTheta: 1e4,
    normEpsilon: 1e-5,
    tied: true,
    bosId: 0,
    eosIds: [1],
  },
  tokens: 1000,
  always: 300,
};
const SHAPE = { blocks: 4, heads: 4, mlp: 64, head: 500, format: "lut4" } as const;

const told = (options: Partial<DraftOptions>): string => {
  const usual = { model: "d", out: "d", prompts: [], self: false, baseFile: "t", targetFile: "t" };
  return describeWork({ ...usual, target: { model: "t" }, ...options } as DraftOptions, BASE, SHAPE).join("\n");
};

test("who teaches a draft of code by chats alone is told what it will lack", () => {
  expect(told({ questions: "code", texts: [] })).toMatch(/no files among it.* needs code as well: --text/);
  expect(told({ questions: "code", texts: ["pieces.jsonl"] })).not.toMatch(/no files/);
  expect(told({ questions: "general", texts: [] })).not.toMatch(/no files/);
});
