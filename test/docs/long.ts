/**
 * What the documents show of the package runs, from its tarball in an empty folder: the blocks `run-long` and
 * `start-long`.
 */
import { expect, test } from "vitest";
import { documents } from "./markdown.ts";
import { marked, runBlocks, withTarball } from "./run.ts";

const shown = documents
  .map((document) => ({ document, blocks: marked(document, ["run-long", "start-long"]) }))
  .filter(({ blocks }) => blocks.length > 0);

test("the README's are marked", () => {
  expect(shown.map(({ document }) => document)).toContain("README.md");
});

test.each(shown)("$document runs", { timeout: 900_000 }, async ({ blocks }) => {
  const printed = await runBlocks(blocks, withTarball);
  expect(printed.filter((text) => text.includes('"error"'))).toEqual([]);
});
