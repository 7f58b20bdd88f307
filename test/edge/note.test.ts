import { expect, test } from "vitest";
import { noteOf } from "../../src/edge/session/note.ts";

const DEMO = { sharedCpu: true, passesOf8: 6.96, tokensPerPass: 2.87 };
const PLAIN = { predicted: 97, passes: 97, drafted: 0, predictedMs: 1400, passMs: 14 };

test("where the target needs the drafter's processor, drafts are off, and the card says what they would have spared", () => {
  expect(noteOf(DEMO, PLAIN)).toBe(
    "The target here runs on this machine's CPU, where verifying 8 positions costs 7 passes. " +
      "Drafts are off to save your time: they would have spared about 65 % of the passes.",
  );
});

test("a draft without a figure on its card promises none", () => {
  expect(noteOf({ ...DEMO, tokensPerPass: undefined }, PLAIN)).toMatch(/they would have spared passes\.$/);
});

test("drafts that were asked for are reported with what they spared and what they cost", () => {
  expect(noteOf(DEMO, { ...PLAIN, passes: 39, drafted: 200, predictedMs: 3100 })).toBe(
    "The target here runs on this machine's CPU, where verifying 8 positions costs 7 passes. " +
      "Drafts spared 60 % of the passes of this answer, which took 3.1 s; without them it would have taken about 1.3 s.",
  );
});

test("an answer of one token has nothing to compare", () => {
  const words = noteOf(DEMO, { ...PLAIN, predicted: 1, passes: 1, drafted: 4, predictedMs: 0 });
  expect(words).toBe("The target here runs on this machine's CPU, where verifying 8 positions costs 7 passes.");
});

test("elsewhere only drafts that were left out are explained", () => {
  const far = { sharedCpu: false, passesOf8: 1.1, tokensPerPass: 2.87 };
  expect(noteOf(far, PLAIN)).toBe(
    "At this origin verifying 8 positions costs 1.1 passes. Drafts were left out: they would not have saved time.",
  );
  expect(noteOf(far, { ...PLAIN, drafted: 40 })).toBeUndefined();
});
