/** A header whose numbers are not true must be refused in words before memory is taken for it. */
import { expect, test } from "vitest";
import { loadLlama } from "../../src/core/draft/llama.ts";
import { readPackHeader } from "../../src/core/format/pack-reader.ts";
import { builtModules } from "../../src/core/platform/built.ts";
import { packHeader, TINY_PACKS } from "../support/tiny.ts";

const header = packHeader(TINY_PACKS.target);
const lying = (context: number) => JSON.stringify({ ...header, config: { ...header.config, context } });

test.each([2 ** 53 - 1, 2 ** 31, 1e9, 2 ** 24 + 1])("a context of %d tokens is refused by name", (context) => {
  expect(() => readPackHeader(lying(context))).toThrow(
    expect.objectContaining({ code: "invalid_config", message: expect.stringContaining(`context is ${context}`) }),
  );
});

test("a context that no memory holds is refused before the memory is asked for", async () => {
  const { config } = readPackHeader(lying(2 ** 24));
  const loading = loadLlama({ ...header, config }, () => [] as never, await builtModules(), {
    pages: config.context / 32,
    rows: 1,
  });
  await expect(loading).rejects.toMatchObject({ code: "too_large", message: expect.stringContaining("GiB") });
});
