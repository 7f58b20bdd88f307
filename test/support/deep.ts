/**
 * Two Llamas as deep as recipes suppose (LLM-Pruner's stop at block 27), made when needed, in a second. They speak the
 * tokens of models/tiny, and about as sensibly.
 */
import { writeFileSync } from "node:fs";
import { tinyGguf } from "../../models/tiny/make.ts";
import { importGguf } from "../../src/core/format/import.ts";
import { bytesSource } from "../../src/core/format/source.ts";
import { GREEDY } from "../../src/core/speculate/types.ts";
import { WasmEngine } from "../../src/origin/engines/wasm.ts";
import { replacePack } from "../../src/tools/compress/rounding/packable.ts";
import { seeded } from "./random.ts";
import { loadPack } from "./tiny.ts";

const SHAPE = {
  E: 64,
  H: 4,
  G: 2,
  D: 32,
  F: 64,
  // So weak that even a draft pruned to half agrees with the whole on a fifth of its tokens.
  strengths: Array.from({ length: 30 }, (_, layer) => (layer % 3 === 0 ? 0.2 : 0.05)),
};

export const DEEP_SHAPES = {
  narrow: SHAPE,
  // For recipes that take heads or channels: a third of its heads is one, a fifth of its channels the 64 that formats
  // come in.
  wide: { ...SHAPE, H: 6, G: 3, F: 320 },
};

/** The pack in `directory`, of a model named as its shape. */
export async function makeDeep(shape: keyof typeof DEEP_SHAPES, directory: string): Promise<void> {
  const file = `${shape}.gguf`;
  await replacePack(await importGguf(bytesSource(file, await tinyGguf(DEEP_SHAPES[shape])), shape), directory);
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
