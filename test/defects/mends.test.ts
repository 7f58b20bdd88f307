/** A mend that no longer stands where its row says cannot be taken out: `npm run suite defects` would end there. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { MENDS } from "./mends.ts";

test.each(MENDS)("defect $defect: $was", ({ file, from, test: name }) => {
  const text = (path: string) => readFileSync(join(import.meta.dirname, "../..", path), "utf8");
  expect(text(file).split(from)).toHaveLength(2);
  expect(text(name)).not.toBe("");
});
