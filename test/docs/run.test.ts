/** What the documents show runs: the blocks marked `run` and `start`, which need no download. */
import { expect, test } from "vitest";
import { documents } from "./markdown.ts";
import { likeClone, marked, runBlocks } from "./run.ts";

const shown = documents
  .map((document) => ({ document, blocks: marked(document, ["run", "start"]) }))
  .filter(({ blocks }) => blocks.length > 0);

test("some blocks are marked", () => {
  expect(shown.map(({ document }) => document)).toContain("docs/use/quickstart.md");
});

test.each(shown)("$document runs", async ({ blocks }) => {
  const printed = await runBlocks(blocks, likeClone);
  // curl ends well whatever the service answers.
  expect(printed.filter((text) => text.includes('"error"'))).toEqual([]);
  expect(printed.join("").trim()).not.toBe("");
});
