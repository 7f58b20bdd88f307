/** Every row of the table of key policies: what its settings say, and what is refused. */
import { expect, test } from "vitest";
import { KEY_POLICIES, type KeyPolicy, readKeyPolicy } from "../../src/core/draft/key-policy.ts";

const CASES: Readonly<Record<string, { means: Record<string, KeyPolicy>; refused: readonly string[] }>> = {
  all: { means: { all: {} }, refused: ["all:", "all:3"] },
  near: {
    means: { "near:96": { held: 96 }, "near:384": { held: 384 } },
    refused: ["near", "near:0.2", "near:64", "near:400", "near:-96", "near:384:1", "near:384:"],
  },
  infinigen: {
    means: { "infinigen:0.2": { infinigen: { share: 0.2, least: 512 } } },
    refused: ["infinigen", "infinigen:0", "infinigen:1.1", "infinigen:0.2:3"],
  },
};

test("every policy has its cases here", () => {
  expect(Object.keys(CASES)).toEqual(Object.keys(KEY_POLICIES));
});

test.each(Object.entries(CASES))("%s", (_name, { means, refused }) => {
  for (const [text, policy] of Object.entries(means)) expect(readKeyPolicy(text), text).toEqual(policy);
  for (const text of refused) expect(() => readKeyPolicy(text), text).toThrow(/names no key policy/);
});

test.each(Object.values(KEY_POLICIES))("the example $example can be set", ({ example }) => {
  expect(readKeyPolicy(example)).toBeDefined();
});

test("another name is refused with all that can be set", () => {
  for (const text of ["quest:0.2", "toString:0.2", ""]) {
    expect(() => readKeyPolicy(text), text).toThrow(
      /names no key policy; take all, or near with .* such as near:384, or infinigen with .* infinigen:0.2/,
    );
  }
});
