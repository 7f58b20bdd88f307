/** What `outrider start` makes of a server that runs the target: scripted ones, and the tiny model's tokens. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { openTokenizer } from "../../src/core/model/tokenizer.ts";
import { decodeHealth } from "../../src/core/verify/health.ts";
import { before, beforeServer, beside } from "../../src/tools/commands/serving.ts";
import { describeTarget } from "../../src/tools/service/assets.ts";
import { scriptedSglang, scriptedVllm } from "../support/scripted-servers.ts";
import { TINY_PACKS } from "../support/tiny.ts";

const tiny = await describeTarget(TINY_PACKS.target);
const tokenizer = openTokenizer(tiny.tokenizer["tokenizer.json"]);
const tokenize = (text: string) => tokenizer.encode(text);

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(path.join(tmpdir(), "serving-"));
});
afterEach(() => rmSync(directory, { recursive: true }));

describe.each([
  { engine: "sglang", serve: scriptedSglang },
  { engine: "vllm", serve: scriptedVllm },
] as const)("$engine", ({ engine, serve }) => {
  test("a target that is named gets its draft, and an origin that only this edge may use", async () => {
    const server = await serve({ name: "tiny", tokenize });
    const asked = { target: TINY_PACKS.target, draft: TINY_PACKS.draft };
    const { target, draft, origin, local } = await beforeServer(engine, { url: server.url, token: null }, asked);
    expect({ model: target.model, draft }).toEqual({ model: "tiny", draft: TINY_PACKS.draft });
    const { url } = origin as { url: string };
    const health = decodeHealth(await (await fetch(`${url}/health`)).text());
    expect(health).toMatchObject({ engine, model: "tiny", vocabulary: tiny.vocabulary, tokenRequired: true });
    await local?.close();
    await server.close();
  });

  test("a larger one of the family gets a draft that has its tokens", async () => {
    const server = await serve({ name: "larger", tokenize });
    const asked = { draft: TINY_PACKS.draft };
    const { target, draft, local } = await beforeServer(engine, { url: server.url, token: null }, asked);
    expect(target.model).toBe(engine === "vllm" ? "served" : "larger");
    expect(draft).toBe(TINY_PACKS.draft);
    expect(target.vocabulary).toEqual(tiny.vocabulary);
    // The same through the origin's address, as for an edge elsewhere.
    process.env.ORIGIN_TOKEN = local!.token;
    const again = await before(local!.url, { draft: TINY_PACKS.draft }).finally(() => delete process.env.ORIGIN_TOKEN);
    expect(again).toMatchObject({ target: { model: target.model }, draft: TINY_PACKS.draft });
    await local?.close();
    await server.close();
  });

  test("another model is refused, and so are other tokens", async () => {
    const other = await serve({ name: "other", tokenize });
    const wrong = await serve({ name: "tiny", tokenize: (text) => tokenize(text).reverse() });
    for (const server of [other, wrong]) {
      const run = beforeServer(engine, { url: server.url, token: null }, { target: TINY_PACKS.target });
      await expect(run).rejects.toMatchObject({ code: "wrong_model" });
      await server.close();
    }
  });
});

test("rows that only fill an embedding up are no tokens", async () => {
  // A checkpoint of the family whose tokenizer counts three ids more that nobody uses.
  const json = JSON.parse(tiny.tokenizer["tokenizer.json"]);
  const { size } = tiny.vocabulary;
  for (let id = size; id < size + 3; id++) json.model.vocab[`[PAD${id}]`] = id;
  writeFileSync(path.join(directory, "tokenizer.json"), JSON.stringify(json));
  writeFileSync(path.join(directory, "tokenizer_config.json"), tiny.tokenizer["tokenizer_config.json"]);
  writeFileSync(path.join(directory, "config.json"), JSON.stringify({ max_position_embeddings: 2048 }));
  const { vocabulary } = await describeTarget(directory, "larger");
  expect(vocabulary).toEqual({ size: size + 3, hash: tiny.vocabulary.hash });
});

test("a target in the edge's own thread: the edge learns so, and the user reads what drafts do there", async () => {
  const {
    origin,
    vars,
    expect: words,
  } = await beside({ target: TINY_PACKS.target, draft: TINY_PACKS.draft }, undefined, { threads: null, exact: false });
  expect(origin).toEqual({ pack: TINY_PACKS.target });
  expect(vars).toEqual({ SHARED_CPU: "true" });
  expect(words).toContain("Drafts are off to save your time");
});
