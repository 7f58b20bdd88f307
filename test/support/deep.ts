/**
 * A Llama as small as models/tiny in width, and as deep as recipes suppose (LLM-Pruner's stop at block 27), with three key/value
 * heads as SmolLM2-135M has; made when needed, in a second. It speaks tiny's tokens, and about as sensibly.
 */
import { writeFileSync } from "node:fs";
import { tinyGguf } from "../../models/tiny/make.ts";
import { importGguf } from "../../src/format/import.ts";
import { bytesSource } from "../../src/format/source.ts";
import { WasmEngine } from "../../src/origin/engines/wasm.ts";
import { replacePack } from "../../src/rounding/packable.ts";
import { GREEDY } from "../../src/speculate/types.ts";
import { seeded } from "./random.ts";
import { loadPack } from "./tiny.ts";

const SHAPE = {
  E: 64,
  H: 6,
  G: 3,
  D: 32,
  // A fifth of the channels is a whole number of the 64 that weight formats come in, so that a recipe that takes it takes some.
  F: 320,
  // So weak that even a draft pruned to half agrees with the whole on a fifth of its tokens.
  strengths: Array.from({ length: 30 }, (_, layer) => (layer % 3 === 0 ? 0.2 : 0.05)),
};

/** The pack in `directory`. */
export async function makeDeep(directory: string): Promise<void> {
  const file = "deep.gguf";
  await replacePack(await importGguf(bytesSource(file, await tinyGguf(SHAPE)), "deep"), directory);
}

/** Lines of {"prompt", "answer"} that the model in `pack` wrote itself, greedily. */
export async function writeAnswers(pack: string, file: string): Promise<void> {
  const engine = new WasmEngine(await loadPack(pack, 16, 1), 0);
  const random = seeded(3);
  const lines: string[] = [];
  for (let n = 0; n < 4; n++) {
    const prompt = Array.from({ length: 8 }, () => 3 + Math.floor(random() * (engine.vocabulary.size - 3)));
    const sequence = engine.open();
    sequence.append(prompt);
    while (await sequence.prefill());
    while (sequence.timeline.length < 40) {
      await sequence.decide([], { sampling: GREEDY, rule: { kind: "exact" }, stop: new Set() });
    }
    lines.push(JSON.stringify({ prompt, answer: sequence.timeline.slice(prompt.length) }));
    sequence.close();
  }
  writeFileSync(file, lines.join("\n"));
}
