/**
 * A draft that keeps any ids of its target, in the Worker: its target decides every word, and it says only what it
 * keeps and what it was told.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { writePack } from "../../src/core/format/pack.ts";
import { readPack } from "../../src/core/format/pack-reader.ts";
import { directorySink, openDirectory } from "../../src/core/platform/disk.ts";
import { trimVocabulary } from "../../src/tools/compress/stages/trim-vocabulary.ts";
import { TINY_PACKS } from "../support/tiny.ts";
import { answerOf, type Running, start } from "./harness.ts";

const CHAT = "/v1/chat/completions";
const PROMPTS = ["What did the riders see?", "Tell me of the river.", "Count to ten.", "Why north?"];
const SAMPLINGS = [{ temperature: 0 }, { temperature: 1, seed: 7 }, { temperature: 0.8, top_p: 0.9, seed: 3 }];

let home: string;
let draft: string;
let kept: ReadonlySet<number>;
let run: Running;

beforeAll(async () => {
  home = mkdtempSync(join(tmpdir(), "outrider-trimmed-"));
  draft = join(home, "pack");
  const whole = await readPack(openDirectory(TINY_PACKS.draft));
  // The last ids are the most frequent here: only bytes and special tokens have the row of their id.
  const counts = async (size: number) => Array.from({ length: size }, (_, id) => id);
  const trimmed = await trimVocabulary(whole, { stage: "trim-vocabulary", keep: 400, by: "frequency" }, { counts });
  kept = new Set(trimmed.kept);
  await writePack(trimmed, directorySink(draft));
  run = await start({ packs: { target: TINY_PACKS.target, draft } });
});
afterAll(async () => {
  await run?.close();
  rmSync(home, { recursive: true, force: true });
});

const ask = (service: Running, prompt: string, fields: object, outrider: object) =>
  answerOf(
    service.post(CHAT, {
      model: "tiny",
      messages: [{ role: "user", content: prompt }],
      max_tokens: 40,
      ...fields,
      outrider: { trace: true, ...outrider },
    }),
  );

/** Tokens of the answer that the draft has no row for, with the tokens that came before them. */
async function missingOf(service: Running, prompt: string, tokens: readonly { id: number; kept: boolean }[]) {
  const told = await service.post("/tokenize", { model: "tiny", messages: [{ role: "user", content: prompt }] });
  const { tokens: before } = (await told.json()) as { tokens: number[] };
  return tokens.flatMap((token, at) =>
    kept.has(token.id) ? [] : [{ ...token, before: [...before, ...tokens.slice(0, at).map(({ id }) => id)] }],
  );
}

test("the same words as without a draft, some of them drafted", async () => {
  let missing = 0;
  for (const sampling of SAMPLINGS) {
    let accepted = 0;
    for (const prompt of PROMPTS) {
      const alone = await ask(run, prompt, sampling, { draft: "off" });
      const drafted = await ask(run, prompt, sampling, { draft: "model", patience_ms: 2000 });
      expect(drafted.text, prompt).toBe(alone.text);
      accepted += drafted.timings.draft_n_accepted;
      for (const { id, kept: wasDrafted, before } of await missingOf(run, prompt, drafted.outrider.tokens)) {
        missing++;
        if (wasDrafted) expect(before).toContain(id);
      }
    }
    expect(accepted, JSON.stringify(sampling)).toBeGreaterThan(10);
  }
  // The target says what the draft lacks, and the draft reads it and goes on.
  expect(missing).toBeGreaterThan(10);
});
