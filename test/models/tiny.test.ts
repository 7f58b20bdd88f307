/**
 * The tiny model is what its script makes, and says what transformers says it says (golden.json, by
 * test/golden/make_tiny.py).
 */
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { makeTiny } from "../../models/tiny/make.ts";
import type { Llama } from "../../src/core/draft/llama.ts";
import { Tokenizer } from "../../src/core/model/tokenizer.ts";
import { BUILDS, onlyBuild } from "../support/kernels.ts";
import { loadPack, TINY_PACKS } from "../support/tiny.ts";

const TINY = path.resolve(import.meta.dirname, "../../models/tiny");
/** Of logits with a deviation of 3; int8 keys and values are what makes the difference (src/core/kernels/abi.ts). */
const TOLERANCE = 0.15;
const KEPT_ARGMAX = 0.98;

interface Side {
  readonly answer: number[];
  readonly top: { readonly position: number; readonly ids: number[]; readonly logits: number[] }[];
}

interface Case extends Record<"target" | "draft", Side> {
  readonly text: string;
  readonly prompt: number[];
}

const { cases } = JSON.parse(readFileSync(path.join(TINY, "golden.json"), "utf8")) as { cases: Case[] };
const filesUnder = (folder: string) =>
  readdirSync(folder, { recursive: true, encoding: "utf8" }).filter((file) =>
    statSync(path.join(folder, file)).isFile(),
  );

describe("the checked-in files", () => {
  const made = mkdtempSync(path.join(tmpdir(), "tiny-"));
  afterAll(() => rmSync(made, { recursive: true }));

  test("are byte for byte what make.ts makes", async () => {
    await makeTiny(made);
    const files = filesUnder(made);
    expect(files.length).toBe(13);
    for (const file of files) {
      const same = readFileSync(path.join(made, file)).equals(readFileSync(path.join(TINY, file)));
      expect({ file, same }).toEqual({ file, same: true });
    }
  });

  test("are at most 1 MB", () => {
    const bytes = filesUnder(TINY).reduce((sum, file) => sum + statSync(path.join(TINY, file)).size, 0);
    expect(bytes).toBeLessThanOrEqual(1e6);
  });
});

test("prompts become the token ids of the reference tokenizer", () => {
  const tokenizer = new Tokenizer(readFileSync(path.join(TINY_PACKS.target, "tokenizer.json"), "utf8"));
  for (const { text, prompt } of cases) expect(tokenizer.encodeMarkup(text)).toEqual(prompt);
});

describe.each(["target", "draft"] as const)("the %s", (side) => {
  describe.each(BUILDS)("on the %s build", (build) => {
    let llama: Llama;

    beforeAll(async () => {
      llama = await loadPack(TINY_PACKS[side], 9, 1, onlyBuild(build));
    });

    test(`predicts ${100 * KEPT_ARGMAX} % of the golden answers, logits within ${TOLERANCE}`, () => {
      let hits = 0;
      let total = 0;
      for (const { prompt, [side]: golden } of cases) {
        const cache = llama.newCache();
        const timeline = [...prompt, ...golden.answer];
        for (let position = 0; position < timeline.length; position++) {
          const logits = llama.forward(cache, [timeline[position]!], 1);
          const top = golden.top.find((row) => row.position === position);
          for (const [n, id] of (top?.ids ?? []).entries()) {
            expect(Math.abs(logits[id]! - top!.logits[n]!)).toBeLessThan(TOLERANCE);
          }
          const answered = position + 1 - prompt.length;
          if (answered < 0 || answered >= golden.answer.length) continue;
          if (llama.argmax(0) === golden.answer[answered]) hits++;
          total++;
        }
        cache.release();
      }
      expect(total).toBe(384);
      expect(hits / total).toBeGreaterThanOrEqual(KEPT_ARGMAX);
    });
  });
});

test("the draft agrees with the target on a fair share of its tokens, and answers vary", async () => {
  const draft = await loadPack(TINY_PACKS.draft, 9, 1);
  let hits = 0;
  let total = 0;
  for (const { prompt, target } of cases) {
    expect(new Set(target.answer).size).toBeGreaterThan(target.answer.length / 2);
    const cache = draft.newCache();
    draft.forward(cache, prompt, 1);
    for (const token of target.answer) {
      if (draft.argmax(0) === token) hits++;
      total++;
      draft.forward(cache, [token], 1);
    }
    cache.release();
  }
  expect(hits / total).toBeGreaterThan(0.4);
  expect(hits / total).toBeLessThan(0.8);
});
