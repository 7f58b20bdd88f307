/**
 * The exported checkpoint in transformers computes what the pack computes in our engine: whole, and with blocks, heads
 * and channels left out. Needs a Python with torch and transformers (OUTRIDER_PYTHON, or python3), and the target's
 * pack.
 */

import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { expect, test } from "vitest";
import type { PackedModel } from "../../src/core/format/pack.ts";
import { readPack } from "../../src/core/format/pack-reader.ts";
import { Tokenizer } from "../../src/core/model/tokenizer.ts";
import { directorySink, openDirectory } from "../../src/core/platform/disk.ts";
import { exportHuggingFace } from "../../src/tools/compress/export-hf.ts";
import { replacePack } from "../../src/tools/compress/rounding/packable.ts";
import { pruneDepth } from "../../src/tools/compress/stages/prune-depth.ts";
import { pruneWidth } from "../../src/tools/compress/stages/prune-width.ts";
import { quantise } from "../../src/tools/compress/stages/quantise.ts";
import { fromBase64 } from "../support/golden.ts";
import { prepare } from "../support/prepared.ts";
import { loadPack } from "../support/tiny.ts";

const PYTHON = process.env.OUTRIDER_PYTHON ?? "python3";
const SCRIPT = path.resolve(import.meta.dirname, "../support/transformers_logits.py");
const { target: TARGET } = await prepare();
const TEXT = "Naïve café, 東京: it's 3.14 🎉\n\nnext  line";
const WINDOW = 64;

const windows = (
  JSON.parse(readFileSync(path.resolve(import.meta.dirname, "../golden/wikitext.json"), "utf8")) as {
    windows: { tokens: number[] }[];
  }
).windows
  .slice(0, 4)
  .map(({ tokens }) => tokens.slice(0, WINDOW));

/** 24 blocks; of them the inner ones with two of three key heads and about two thirds of the channels. */
function pruned(model: PackedModel): PackedModel {
  const keep = Array.from({ length: 30 }, (_, layer) => layer).filter((layer) => layer < 12 || layer > 17);
  const shallow = pruneDepth(model, { stage: "prune-depth", keep });
  const channels = Array.from({ length: 1536 }, (_, channel) => channel);
  const kept = keep.map((_, n) =>
    n < 4 || n > 21
      ? { kvHeads: [0, 1, 2], channels }
      : { kvHeads: [0, 1, 2].filter((head) => head !== n % 3), channels: channels.filter((c) => (c * 7 + n) % 3 > 0) },
  );
  return quantise(pruneWidth(shallow, kept), { stage: "quantise", tensors: "blocks", format: "q8" });
}

test.each([
  ["whole", (model: PackedModel) => model],
  ["pruned", pruned],
])("%s: transformers' logits are ours", async (_, make) => {
  const directory = mkdtempSync(path.join(tmpdir(), "outrider-export-"));
  try {
    const model = make(await readPack(openDirectory(TARGET)));
    await replacePack(model, path.join(directory, "pack"));
    await exportHuggingFace(model, directorySink(path.join(directory, "hf")), "F32");
    const output = execFileSync(PYTHON, [SCRIPT, path.join(directory, "hf"), TEXT], {
      input: JSON.stringify(windows),
      maxBuffer: 2 ** 30,
      encoding: "utf8",
    });
    const { text, logits } = JSON.parse(output) as { text: number[]; logits: string };
    expect(text).toEqual(new Tokenizer(model.tokenizer["tokenizer.json"]).encode(TEXT));

    const theirs = new Float32Array(new Uint8Array(fromBase64(logits)).buffer);
    const llama = await loadPack(path.join(directory, "pack"), 4, WINDOW);
    const { vocabulary } = model.config;
    let difference = 0;
    let power = 0;
    let hits = 0;
    for (const [n, tokens] of windows.entries()) {
      const cache = llama.newCache();
      for (let at = 0; at < WINDOW; at += 16) {
        const ours = llama.forward(cache, tokens.slice(at, at + 16), 16);
        const from = (n * WINDOW + at) * vocabulary;
        for (const [i, value] of ours.entries()) {
          difference += (value - theirs[from + i]!) ** 2;
          power += theirs[from + i]! ** 2;
        }
        for (let row = 0; row < 16; row++) {
          const own = theirs.subarray(from + row * vocabulary, from + (row + 1) * vocabulary);
          let best = 0;
          for (let id = 1; id < vocabulary; id++) if (own[id]! > own[best]!) best = id;
          if (llama.argmax(row) === best) hits++;
        }
      }
      cache.release();
    }
    const total = windows.length * WINDOW;
    console.log(
      `relative error ${Math.sqrt(difference / power).toExponential(2)}, argmax equal on ${hits} of ${total}`,
    );
    // Our activations have 14 bits; a head or channel in the wrong place costs more than half of the norm.
    expect(Math.sqrt(difference / power)).toBeLessThan(0.02);
    expect(hits / total).toBeGreaterThanOrEqual(0.97);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
});
