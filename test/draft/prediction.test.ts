/** What a prediction is worth on edits of a file of 200 lines. */
import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { CopyDrafter } from "../../src/core/draft/copy-drafter.ts";
import { openTokenizer } from "../../src/core/model/tokenizer.ts";
import { replay } from "../../src/tools/evaluate/replay.ts";
import { EDITS, SOURCE } from "../support/edits.ts";

const PACK = new URL("../../models/smollm2-135m-draft-m/pack/tokenizer.json", import.meta.url);
const tokenizer = openTokenizer(readFileSync(PACK, "utf8"));
/** Draft tokens of a pass that every engine takes. */
const DRAFTED = 8;

test("the file has 200 lines, and every edit is one", () => {
  expect(SOURCE.split("\n")).toHaveLength(201);
  const changed = EDITS.filter(({ edited }) => edited !== SOURCE).map(({ name }) => name);
  expect(changed).toEqual(EDITS.slice(1).map(({ name }) => name));
});

test.each(EDITS.filter(({ name }) => ["rename", "add", "fenced"].includes(name)))(
  "an edit with itself as prediction takes at most 0.15 passes a token without any model: $name",
  async ({ ask, edited }) => {
    const prompt = tokenizer.encode(ask);
    const answer = tokenizer.encode(edited);
    const drafter = new CopyDrafter(prompt, tokenizer.encode(SOURCE));
    const { passes } = await replay({ prompt, answer }, drafter, { tokens: DRAFTED });
    expect(passes / answer.length).toBeLessThanOrEqual(0.15);
    // Nothing can be faster than a whole draft each time.
    expect(passes).toBeGreaterThanOrEqual(answer.length / (DRAFTED + 1));
  },
);
