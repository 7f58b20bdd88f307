import { expect, test } from "vitest";
import { onProcessor } from "../../src/tools/commands/on-processor.ts";

const DEMO = { passesOf8: 7, tokensPerPass: 2.87, shared: true, prefer: undefined };

test("the default demo says with its numbers that drafts are off, why, and how to see them", () => {
  const words = onProcessor(DEMO);
  expect(words).toContain("your CPU, where verifying 8 positions costs 7 passes.");
  expect(words).toContain("Drafts are off to save your time: they would spare about 65 % of the passes.");
  expect(words).toContain("PREFER=passes");
});

test("who asked for drafts is told what they cost", () => {
  const words = onProcessor({ ...DEMO, prefer: "passes" });
  expect(words).toContain("Drafts are on");
  expect(words).toContain("cost you time");
});

test("numbers that nobody knows are left out", () => {
  const words = onProcessor({ ...DEMO, passesOf8: undefined, tokensPerPass: undefined });
  expect(words).toContain("runs on your CPU.\nDrafts are off to save your time: they would spare passes.");
  expect(words).not.toMatch(/undefined|NaN/);
});

test("a drafter with a core of its own is used where it saves time", () => {
  expect(onProcessor({ ...DEMO, shared: false })).toContain("only where they save time");
});
