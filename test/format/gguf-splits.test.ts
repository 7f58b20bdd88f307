/** How text is split for each `tokenizer.ggml.pre`, against the `tokenizers` package (test/golden/make_splits.py). */
import { crc32 } from "node:zlib";
import { expect, test } from "vitest";
import { SPLITS } from "../../src/core/format/gguf-splits.ts";
import { splitter } from "../../src/core/model/splitter.ts";
import { goldenJson } from "../support/golden.ts";

const strings: string[] = goldenJson("tokenizer.json").strings.map(({ text }: { text: string }) => text);
const golden: Record<string, string[]> = goldenJson("splits.json");

const checksum = (value: unknown): string => crc32(JSON.stringify(value)).toString(16).padStart(8, "0");

test("every kind of split has golden pieces", () => {
  const kinds = new Set(Object.values(SPLITS).map(({ preTokenizer }) => JSON.stringify(preTokenizer)));
  expect(new Set(Object.keys(golden).map((pre) => JSON.stringify(SPLITS[pre]?.preTokenizer)))).toEqual(kinds);
});

test.each(Object.keys(golden))("%s", (pre) => {
  const { cut } = splitter(null, SPLITS[pre]!.preTokenizer);
  const wrong = strings.filter((text, n) => {
    const pieces = [...cut(text)].map((piece) => [...piece].length);
    return checksum(pieces) !== golden[pre]![n];
  });
  expect(wrong).toEqual([]);
});
