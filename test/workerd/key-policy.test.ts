/**
 * Each key policy, in workerd: a conversation beyond fast memory is evicted between its turns, finds
 * damaged pages, and then storage that fails. The words are those of the target alone.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { readPack } from "../../src/core/format/pack-reader.ts";
import { openDirectory } from "../../src/core/platform/disk.ts";
import type { Generation } from "../../src/edge/prompt/generation.ts";
import { sessionName } from "../../src/edge/tenant/tenant.ts";
import { replacePack } from "../../src/tools/compress/rounding/packable.ts";
import { addSkew } from "../../src/tools/compress/stages/skew.ts";
import { anySkew } from "../support/any-skew.ts";
import { packWithKeys } from "../support/pack-with-keys.ts";
import { TINY_PACKS } from "../support/tiny.ts";
import { type TinyOrigin, tinyOrigin } from "../support/tiny-origin.ts";
import { answerOf } from "./harness.ts";
import { startRecording } from "./recording.ts";

/** The pool: a conversation may hold 20 of them, 640 tokens, of which InfiniGen reads the least that it may, 512. */
const KV_PAGES = "120";
const SETTINGS = ["infinigen:0.2", "near:96", "near:384"];

const LONG = "The wagons left at dawn and the road went north along the river. ".repeat(40);
const opening = [{ role: "user", content: `${LONG} What did the riders see?` }];

let origin: TinyOrigin;
let home: string;
beforeAll(async () => {
  origin = await tinyOrigin();
  home = mkdtempSync(join(tmpdir(), "outrider-skewed-"));
  const tiny = await readPack(openDirectory(TINY_PACKS.draft));
  await replacePack(await addSkew(tiny, { stage: "skew", channels: 8 }, anySkew), join(home, "skewed"));
});
afterAll(async () => {
  rmSync(home, { recursive: true, force: true });
  await origin?.close();
});

function chat(url: string, affinity: string, messages: readonly object[], draft = "model") {
  const headers = { "content-type": "application/json", "x-session-affinity": affinity };
  const outrider = { draft, patience_ms: 10_000 };
  const body = JSON.stringify({ model: "tiny", messages, max_tokens: 24, temperature: 0, outrider });
  return answerOf(fetch(`${url}/v1/chat/completions`, { method: "POST", headers, body }));
}

test.each(SETTINGS)("with %s the words are those of the target", async (keeping) => {
  const draft = packWithKeys(join(home, "skewed"), keeping, join(home, keeping.replace(":", "-")));
  const run = await startRecording({ ORIGIN_URL: origin.url, KV_PAGES }, draft);
  try {
    const { text: first } = await chat(run.url, "alone", opening, "off");
    const messages = [...opening, { role: "assistant", content: first }, { role: "user", content: "And then?" }];
    const { text: second } = await chat(run.url, "alone", messages, "off");
    const name = await sessionName("open:", "kept", { model: "tiny" } as Generation);

    const opened = await chat(run.url, "kept", opening);
    expect(opened.text).toBe(first);
    expect(opened.timings.draft_n).toBeGreaterThan(0);
    expect((await chat(run.url, "kept", messages)).text).toBe(second);
    for (const damage of [
      [],
      ["UPDATE pages SET bytes = zeroblob(length(bytes)) WHERE page > 0"],
      ["DELETE FROM pages WHERE page = 0"],
      ["DROP TABLE pages", "CREATE TABLE pages (page INTEGER, kv BLOB)"],
    ]) {
      for (const query of damage) await run.sql(name, query);
      await run.evict(name);
      const again = await chat(run.url, "kept", messages);
      expect(again.text, damage[0] ?? "evicted").toBe(second);
      expect(again.timings.draft_n).toBeGreaterThan(0);
    }
  } finally {
    await run.close();
  }
});
